namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>A connection for one request.</summary>
internal sealed class ConnectionLease(ChdbEngine engine, ChdbConnection connection, string key) : IDisposable
{
    public ChdbConnection Connection => connection;

    /// <summary>Set once a statement has run that leaves nothing behind in the connection, so that another request may have it.</summary>
    public bool Clean { get; set; }

    public void Dispose() => engine.Return(connection, key, Clean);
}
