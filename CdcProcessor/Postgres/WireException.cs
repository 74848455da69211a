namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>PostgreSQL answered one of our own connections with an error.</summary>
/// <param name="sqlState">PostgreSQL's five-character code.</param>
/// <param name="message">What it says, with its hint.</param>
/// <param name="endsConnection">The server closes the connection after it; otherwise it is ready for the next command.</param>
internal sealed class WireException(string sqlState, string message, bool endsConnection) : Exception(message)
{
    /// <summary>PostgreSQL's five-character code.</summary>
    public string SqlState { get; } = sqlState;

    /// <summary>The server closes the connection after it.</summary>
    public bool EndsConnection { get; } = endsConnection;
}
