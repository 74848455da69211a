namespace AspireCdc.AppHost.Embedded;

/// <summary>The embedded stack can't do what was asked; the message is a sentence for the user that names the cure.</summary>
internal sealed class EmbeddedStackException(string message, Exception? inner = null) : AppHostException(message, inner);
