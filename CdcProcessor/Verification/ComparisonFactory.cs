using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.ServiceDefaults;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using Microsoft.Extensions.Options;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>Opens what the comparison of one table takes.</summary>
internal sealed class ComparisonFactory(
    IServiceProvider services, IConfiguration configuration, StarModel model, IOptions<CdcOptions> options, ProcessorStatus status,
    TimeProvider time)
{
    /// <summary>All that can be compared: the tables first, since facts follow them.</summary>
    public IReadOnlyList<ComparedTable> All { get; } = [.. model.Tables.Select(ComparedTable.Of),
        .. model.Facts.Select(fact => ComparedTable.Of(model, fact))];

    /// <summary>PostgreSQL is among the connection strings.</summary>
    public bool KnowsPostgres => configuration.GetConnectionString("shop") is { Length: > 0 };

    public async Task<Comparison> OpenAsync(
        ComparedTable compared, RowPace pace, Func<ComparedReport, Task> show, CancellationToken cancellationToken)
    {
        var client = services.GetRequiredService<ClickHouseClient>();
        var server = new SourceServer(configuration.GetConnectionString("shop")!, DatabasePassword.From(configuration));
        var connection = await server.OpenAsync("aspirecdc verify", replication: false, cancellationToken);
        try
        {
            var range = await client.ScalarAsync(DateRange.Question, cancellationToken) == DateRange.Answer ? DateRange.Widest
                : DateRange.Narrowest;
            var stream = new StreamPosition(connection, options.Value.Slot, new ProgressTable(client, time), status, time);
            if (compared.Root.AppendOnly)
            {
                var multiset = new MultisetComparison(
                    compared.Root, server, options.Value.Slot, client, new DeadLetterTable(client, time), stream, range, pace, show);
                return new Comparison(connection, null, (state, _, cancellation) => multiset.RunAsync(state, cancellation));
            }
            IExpectedRows expected = compared.Fact is { Postgres: null }
                ? new DerivedRows(client, model, compared)
                : await PostgresRows.OpenAsync(connection, compared, new LandedForm(client, compared.Columns), range, cancellationToken);
            var rows = new ShownRows(client, compared.Columns);
            var table = new TableComparison(compared, expected, rows, stream, pace, show);
            return new Comparison(
                connection, expected as IDisposable,
                (state, repairs, cancellation) =>
                    table.RunAsync(state, (keys, token) => ExcusedAsync(compared, rows, keys, token), repairs, cancellation));
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>A table's row waits as a dead letter; a fact shows what its tables have, and one of them waits for a dead letter.</summary>
    private async Task<HashSet<string>> ExcusedAsync(
        ComparedTable compared, ShownRows rows, IReadOnlyList<IReadOnlyList<string>> keys, CancellationToken cancellationToken)
    {
        var client = services.GetRequiredService<ClickHouseClient>();
        var letters = new DeadLetterTable(client, time);
        if (compared.Fact is null)
            return [.. await letters.OpenKeysAsync(compared.Root, bound: 0, cancellationToken)];

        foreach (var source in compared.Sources)
        {
            if (!(await letters.OpenKeysAsync(source, bound: 0, cancellationToken)).Any())
                continue;
            var derived = await new DerivedRows(client, model, compared).FindAsync(keys, cancellationToken);
            var shown = await rows.FindAsync(keys, cancellationToken);
            return [.. keys.Select(KeyText.Join).Where(key =>
                derived.GetValueOrDefault(key) is { } row ? shown.TryGetValue(key, out var found) && row.AsSpan().SequenceEqual(found.Row)
                : !shown.ContainsKey(key))];
        }
        return [];
    }
}

/// <summary>One table's comparison, with what it has open.</summary>
internal sealed class Comparison(
    WireConnection connection, IDisposable? expected, Func<ComparedReport, bool, CancellationToken, Task<ComparedReport>> run)
        : IAsyncDisposable
{
    /// <summary>Compares from where the report has come to.</summary>
    public Task<ComparedReport> RunAsync(ComparedReport state, bool repairs, CancellationToken cancellationToken) =>
        run(state, repairs, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        expected?.Dispose();
        await connection.DisposeAsync();
    }
}
