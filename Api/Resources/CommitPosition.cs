using System.Data.Common;
using System.Diagnostics;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace AspireCdc.Api.Resources;

/// <summary>
/// <c>X-Commit-Lsn</c>: a position in the WAL that a reader of ClickHouse has to have reached to see this write. It is asked for together
/// with the commit, so it costs no round trip. A request that is traced writes its trace into its transaction, where the change processor
/// finds it.
/// </summary>
/// <remarks>
/// The flushed position, since the one up to which records are only being inserted can lie behind a page's header, where no reader stops.
/// </remarks>
internal sealed class CommitPosition(IHttpContextAccessor requests) : IDbTransactionInterceptor, IDbCommandInterceptor
{
    public const string Header = "X-Commit-Lsn";

    /// <summary>The prefix of the message that has a transaction's trace, as W3C's <c>traceparent</c>.</summary>
    private const string EmitTrace = "SELECT pg_logical_emit_message(true, 'traceparent', $1)";

    private const string Position = "SELECT pg_current_wal_flush_lsn()::text";

    /// <summary>A transaction of several statements: trace, COMMIT and position go as one.</summary>
    public async ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        if (requests.HttpContext is not { } http)
            return result;

        await using var batch = new NpgsqlBatch((NpgsqlConnection)transaction.Connection!);
        AddTrace(batch);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Position));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await ReadAsync(reader, http.Response, cancellationToken);
        return InterceptionResult.Suppress();
    }

    /// <summary>A statement that is a transaction by itself: it ends at the barrier, and the position is read behind that.</summary>
    public async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result,
        CancellationToken cancellationToken = default)
    {
        if (eventData.CommandSource != CommandSource.SaveChanges || command.Transaction is not null || requests.HttpContext is not { } http)
            return result;

        var batch = new NpgsqlBatch((NpgsqlConnection)command.Connection!) { Timeout = command.CommandTimeout };
        var write = new NpgsqlBatchCommand(command.CommandText.TrimEnd().TrimEnd(';'));
        foreach (NpgsqlParameter parameter in command.Parameters)
            write.Parameters.Add(parameter.Clone());
        batch.BatchCommands.Add(write);
        AddTrace(batch);
        batch.BatchCommands[^1].AppendErrorBarrier = true;
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Position));
        var reader = await batch.ExecuteReaderAsync(cancellationToken);
        http.Items[this] = reader;
        return InterceptionResult<DbDataReader>.SuppressWithResult(reader);
    }

    /// <summary>EF Core has read what it asked for; the position stands behind it.</summary>
    public async ValueTask<InterceptionResult> DataReaderClosingAsync(
        DbCommand command, DataReaderClosingEventData eventData, InterceptionResult result)
    {
        if (requests.HttpContext is { } http && http.Items.TryGetValue(this, out var ours) && ReferenceEquals(ours, eventData.DataReader))
            await ReadAsync(eventData.DataReader, http.Response, CancellationToken.None);
        return result;
    }

    private static void AddTrace(NpgsqlBatch batch)
    {
        if (Activity.Current is { Recorded: true, Id: { } trace })
            batch.BatchCommands.Add(new NpgsqlBatchCommand(EmitTrace) { Parameters = { new NpgsqlParameter { Value = trace } } });
    }

    /// <summary>The position is the last result's only value.</summary>
    private static async Task ReadAsync(DbDataReader reader, HttpResponse response, CancellationToken cancellationToken)
    {
        do
        {
            if (await reader.ReadAsync(cancellationToken) && reader.GetFieldType(0) == typeof(string))
                response.Headers[Header] = reader.GetString(0);
        }
        while (await reader.NextResultAsync(cancellationToken));
    }
}
