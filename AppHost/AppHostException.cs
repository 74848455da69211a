namespace AspireCdc.AppHost;

/// <summary>Something that the user can put right; the message is a sentence that says what is wrong and what to do.</summary>
internal class AppHostException(string message, Exception? inner = null) : Exception(message, inner);
