namespace AspireCdc.Benchmarks.Cdc;

/// <summary>The benchmark, or one contender, cannot give a figure; the message says why in a sentence.</summary>
internal sealed class CdcBenchmarkException(string message, Exception? inner = null) : Exception(message, inner);
