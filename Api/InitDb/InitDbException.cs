namespace AspireCdc.Api.InitDb;

/// <summary>Something that the user has to change; the message says what.</summary>
internal sealed class InitDbException(string message, Exception? inner = null) : Exception(message, inner);
