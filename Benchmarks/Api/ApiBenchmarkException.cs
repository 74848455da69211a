namespace AspireCdc.Benchmarks.Api;

/// <summary>The benchmark cannot give a figure; the message says why in a sentence.</summary>
internal sealed class ApiBenchmarkException(string message) : Exception(message);
