namespace AspireCdc.CdcProcessor;

/// <summary>A request that cannot be carried out; the message says why and what to do instead.</summary>
internal sealed class OperationException(string message) : Exception(message);
