namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>PostgreSQL answered a replication connection with an error.</summary>
internal sealed class WireException(string sqlState, string message) : Exception(message)
{
    /// <summary>PostgreSQL's five-character code.</summary>
    public string SqlState { get; } = sqlState;
}
