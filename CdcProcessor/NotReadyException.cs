namespace AspireCdc.CdcProcessor;

/// <summary>Something outside is not as it must be yet. The message says what, and what to do; the processor waits for it.</summary>
internal sealed class NotReadyException(string message) : Exception(message);
