using AspireCdc.ServiceDefaults;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>The server that changes are read from.</summary>
/// <param name="ConnectionString">As Npgsql takes it.</param>
/// <param name="Password">Asked at each connect, where it changes; else the connection string has it.</param>
internal sealed record SourceServer(string ConnectionString, DatabasePassword? Password)
{
    /// <summary>A connection of its own, beside the pool.</summary>
    public async Task<WireConnection> OpenAsync(string applicationName, bool replication, CancellationToken cancellationToken) =>
        await WireConnection.OpenAsync(
            Password is null ? ConnectionString
                : await Password.CompleteAsync(ConnectionString, cancellationToken), applicationName, replication, cancellationToken);

    /// <summary>One that reads as of a snapshot, which another connection exports meanwhile.</summary>
    public async Task<WireConnection> OpenAtAsync(string applicationName, string snapshot, CancellationToken cancellationToken)
    {
        var connection = await OpenAsync(applicationName, replication: false, cancellationToken);
        await connection.QueryAsync(
            $"BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{snapshot}'", cancellationToken);
        return connection;
    }
}
