using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using AspireCdc.Star.Types;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>
/// Compares a table whose rows have no key: how often each row is there. PostgreSQL is read once, as of a slot's point, and ClickHouse's
/// rows are those of commits below that point, once the stream has passed it; each side is counted and summed up by hashes, in buckets, so
/// that memory stays the same. Where buckets differ, both are read once more, as of another point, for these buckets' rows alone.
/// </summary>
internal sealed class MultisetComparison(
    TableMapping table, SourceServer server, string slot, ClickHouseClient client, DeadLetterTable deadLetters, StreamPosition stream,
    DateRange range, RowPace pace, Func<ComparedReport, Task> report)
{
    private const string Application = "aspirecdc verify";

    private const int Buckets = 1 << 16;

    /// <summary>Lines that are written, hashed and forgotten together.</summary>
    private const int PageRows = 20_000;

    /// <summary>So many rows at most, of whole buckets, are looked at one by one.</summary>
    private const int MostRows = 100_000;

    /// <summary>What a row may take where it is shown.</summary>
    private const int ShownLength = 120;

    private readonly Relation _relation = Relation.Of(table);
    private readonly LandedForm _form = new(client, table);
    private readonly string _columns = string.Join(", ", table.Columns.Select(column => PostgresSql.Name(column.Source)));

    /// <summary>Compares the whole table; one that was interrupted begins anew.</summary>
    public async Task<ComparedReport> RunAsync(ComparedReport state, CancellationToken cancellationToken)
    {
        var expected = new Bucket[Buckets];
        long rows = 0;
        var point = await ReadAsync(
            async hashes =>
            {
                foreach (var (hash, _) in hashes)
                    expected[hash % Buckets] = expected[hash % Buckets].With(hash);
                rows += hashes.Count;
                await report(state with { Rows = rows });
            }, cancellationToken);
        var shown = await ShownAsync(point, cancellationToken);
        state = state with { Rows = rows };
        ulong[] differing = [.. Enumerable.Range(0, Buckets).Where(i => expected[i] != shown[i]).Select(i => (ulong)i)];
        if (differing.Length == 0)
            return state with { State = "equal" };

        var looked = new HashSet<ulong>();
        foreach (var bucket in differing.TakeWhile(_ => looked.Sum(one => expected[one].Count + shown[one].Count) < MostRows))
            looked.Add(bucket);
        var (missing, surplus) = await LookAgainAsync(looked, cancellationToken);
        // A row that waits as a dead letter is no difference; which one it is nothing tells.
        var waiting = (int)Math.Min(missing.Count, await deadLetters.CountOpenAsync(table, cancellationToken));
        var found = missing.Skip(waiting).Select(row => new KeyReport(row, "the row is missing", IsRepaired: false))
            .Concat(surplus.Select(row => new KeyReport(row, "there should be no such row, or fewer of it", IsRepaired: false))).ToList();
        var more = looked.Count < differing.Length ? "It has more differences than were looked at. " : "";
        return state with
        {
            State = found.Count == 0 && more.Length == 0 ? "equal" : "different",
            Differences = found.Count,
            Undecided = waiting,
            Keys = [.. found.Take(ComparedReport.MostKeys)],
            Note = found.Count == 0 && more.Length == 0 ? ""
                : $"{more}Its rows have no key to bring them by: 'CdcProcessor resync {table.Source}' copies it anew.",
        };
    }

    /// <summary>ClickHouse's side, once it shows all that was committed before the point.</summary>
    private async Task<Bucket[]> ShownAsync(ulong point, CancellationToken cancellationToken)
    {
        await stream.PassAsync(cancellationToken);
        var shown = new Bucket[Buckets];
        var sums = $"SELECT hash % {Buckets}, count(), sum(hash) FROM ({Shown(point)}) GROUP BY 1";
        foreach (var row in await client.QueryAsync(sums, cancellationToken))
        {
            shown[int.Parse(row[0]!, CultureInfo.InvariantCulture)] = new(
                long.Parse(row[1]!, CultureInfo.InvariantCulture), ulong.Parse(row[2]!, CultureInfo.InvariantCulture));
        }
        return shown;
    }

    /// <summary>The rows of some buckets on both sides: what only PostgreSQL has, and what only ClickHouse has.</summary>
    private async Task<(IReadOnlyList<string> Missing, IReadOnlyList<string> Surplus)> LookAgainAsync(
        HashSet<ulong> buckets, CancellationToken cancellationToken)
    {
        var more = new Dictionary<ulong, (int Count, string Row)>();
        var point = await ReadAsync(
            hashes =>
            {
                foreach (var (hash, text) in hashes.Where(row => buckets.Contains(row.Hash % Buckets)))
                    more[hash] = (more.GetValueOrDefault(hash).Count + 1, text());
                return Task.CompletedTask;
            }, cancellationToken);
        await stream.PassAsync(cancellationToken);
        var wanted = $"hash % {Buckets} IN ({string.Join(", ", buckets)})";
        var rest = await client.ReadAsync($"SELECT hash, toString(row_values) FROM ({Shown(point)}) WHERE {wanted}", [], cancellationToken);
        while (!rest.IsEmpty)
        {
            var hash = BinaryPrimitives.ReadUInt64LittleEndian(rest.Span);
            rest = rest[sizeof(ulong)..];
            var row = RowBinary.ReadString(ref rest);
            var known = more.GetValueOrDefault(hash);
            more[hash] = (known.Count - 1, known.Row ?? Cut(row));
        }
        return (Rows(count => count), Rows(count => -count));

        IReadOnlyList<string> Rows(Func<int, int> times) =>
            [.. more.Values.SelectMany(row => Enumerable.Repeat(row.Row, Math.Max(times(row.Count), 0)))];
    }

    /// <summary>ClickHouse's rows of what was committed before a point; a copy's rows have no commit.</summary>
    private string Shown(ulong point) =>
        $"""
        SELECT xxh3({ShownColumns.Row(table)}) AS hash,
            tuple({ClickHouseSql.Names(table.Columns.Select(column => column.Landing))}) AS row_values
        FROM {ClickHouseSql.Name(table.Landing)} FINAL WHERE is_deleted = 0 AND lsn < {point.ToString(CultureInfo.InvariantCulture)}
        """;

    /// <summary>Reads PostgreSQL's rows as of a point, which it returns.</summary>
    private async Task<ulong> ReadAsync(
        Func<IReadOnlyList<(ulong Hash, Func<string> Text)>, Task> take, CancellationToken cancellationToken)
    {
        var (connection, point) = await OpenAsync(cancellationToken);
        await using var reader = connection;
        using var writer = new LandingRows { Range = range };
        using var bytes = new RowBuffer();
        var batch = new ChangeBatch();
        var places = new List<(int Row, int Start, int Length)>();
        var copy = $"COPY (SELECT {_columns} FROM {PostgresSql.Name(table)}) TO STDOUT";
        await foreach (var line in reader.CopyOutAsync(copy, cancellationToken))
        {
            var row = CopyText.AddRow(batch, _relation.Columns.Count, line.Span);
            batch.Add(new Change(_relation, ChangeOperation.Read, 0, 0, -1, 0, RowRef.None, row));
            var start = bytes.Length;
            // What ClickHouse's types cannot hold waits as a dead letter.
            if (writer.TryWriteColumns(batch, _relation, row, bytes, keyOnly: false) is null)
                places.Add((batch.Count - 1, start, bytes.Length - start));
            else
                bytes.TruncateTo(start);
            if (batch.Count >= PageRows)
                await HandOverAsync();
        }
        await HandOverAsync();
        batch.Dispose();
        await reader.QueryAsync("COMMIT", cancellationToken);
        return point;

        async Task HandOverAsync()
        {
            var rows = await _form.OfAsync(
                [.. places.Select(place => (ReadOnlyMemory<byte>?)bytes.Written.Slice(place.Start, place.Length))], cancellationToken);
            await take(
                [.. rows.Select((row, i) =>
                    (XxHash3.HashToUInt64(row!.Value.Span), (Func<string>)(() => TextOf(batch, batch.Changes[places[i].Row].New))))]);
            await pace.RestAsync(rows.Count, cancellationToken);
            batch.Dispose();
            batch = new ChangeBatch();
            bytes.Clear();
            places.Clear();
        }
    }

    /// <summary>
    /// A connection on the snapshot of a slot that goes with its own: what was committed before its point, and nothing else.
    /// </summary>
    private async Task<(WireConnection Connection, ulong Point)> OpenAsync(CancellationToken cancellationToken)
    {
        await using var exporter = await server.OpenAsync(Application, replication: true, cancellationToken);
        var snapshot = await Snapshot.OfTemporarySlotAsync(exporter, slot, cancellationToken);
        return (await server.OpenAtAsync(Application, snapshot.Name, cancellationToken), snapshot.Point);
    }

    private string TextOf(ChangeBatch batch, RowRef row) => Cut($"({string.Join(',', Enumerable.Range(0, row.Count).Select(
        column => batch.Kind(row, column) == ValueKind.Null ? "NULL" : Encoding.UTF8.GetString(batch.Text(row, column))))})");

    private static string Cut(string row) => row.Length <= ShownLength ? row : row[..ShownLength] + "…";

    private readonly record struct Bucket(long Count, ulong Sum)
    {
        public Bucket With(ulong hash) => new(Count + 1, unchecked(Sum + hash));
    }
}
