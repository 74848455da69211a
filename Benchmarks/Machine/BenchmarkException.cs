namespace AspireCdc.Benchmarks.Machine;

/// <summary>The benchmark, or one contender, cannot give a figure; the message says why in a sentence.</summary>
internal sealed class BenchmarkException(string message, Exception? inner = null) : Exception(message, inner);
