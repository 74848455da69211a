using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Star.Postgres;
using AspireCdc.Star.Types;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>
/// A table's rows, or those of a fact's query, as PostgreSQL has them: read by COPY and written as they would land, so that bytes compare
/// with bytes. Each page is a statement of its own; no snapshot is held.
/// </summary>
internal sealed class PostgresRows : IExpectedRows, IDisposable
{
    /// <summary>What a page holds in memory, but for one larger row.</summary>
    public const int PageBytes = 8 * 1024 * 1024;

    private readonly WireConnection _connection;
    private readonly Relation _relation;
    private readonly string _from;
    private readonly string[] _keyTypes;
    private readonly string[] _key;
    private readonly string _columns;
    private readonly LandingRows _writer;
    private readonly LandedForm _form;
    private readonly RowBuffer _bytes = new();
    private ChangeBatch _batch = new();

    private PostgresRows(
        WireConnection connection, ComparedTable compared, string from, string[] keyTypes, LandedForm form, DateRange range)
    {
        (_connection, _from, _keyTypes, _form) = (connection, from, keyTypes, form);
        _relation = Relation.Of(compared.Columns);
        _key = [.. compared.Columns.Key.Select(column => "q." + PostgresSql.Name(compared.Columns.Columns[column].Source))];
        _columns = string.Join(", ", compared.Columns.Columns.Select(column => "q." + PostgresSql.Name(column.Source)));
        _writer = new LandingRows { Range = range };
    }

    /// <summary>Looks up the real types.</summary>
    /// <param name="connection">A connection of its own.</param>
    /// <param name="compared">A mirrored table, or a fact that has a query.</param>
    /// <param name="form">How its rows would look in ClickHouse.</param>
    /// <param name="range">The years that ClickHouse holds.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<PostgresRows> OpenAsync(
        WireConnection connection, ComparedTable compared, LandedForm form, DateRange range, CancellationToken cancellationToken)
    {
        var names = string.Join(", ", compared.Columns.Columns.Select(column => PostgresSql.Name(column.Source)));
        // The query has the fact's columns in their order, whatever it calls them.
        var from = compared.Fact is { Postgres: { } query } ? $"(\n{query}\n) AS q ({names})" : $"{PostgresSql.Name(compared.Root)} AS q";
        var types = (await connection.QueryAsync(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = " +
            $"{PostgresSql.Literal(PostgresSql.Name(compared.Root))}::regclass AND attnum > 0 AND NOT attisdropped",
            cancellationToken)).ToDictionary(row => row[0]!, row => row[1]!);
        string[] keyTypes = [.. compared.Root.Key.Select(column => types[compared.Root.Columns[column].Source])];
        if (compared.Fact is not null)
        {
            // The query's own types tell bytes from text.
            var columns = compared.Columns.Columns;
            var asked = columns.Select(column => $"format_type(pg_typeof(q.{PostgresSql.Name(column.Source)}), NULL)");
            var real = (await connection.QueryAsync(
                $"SELECT {string.Join(", ", asked)} FROM (SELECT) AS one LEFT JOIN {from} ON false", cancellationToken))[0];
            var typed = compared.Columns with { Columns = [.. columns.Select((column, i) => column with { Postgres = real[i]! })] };
            compared = compared with { Columns = typed };
        }
        return new PostgresRows(connection, compared, from, keyTypes, form, range);
    }

    public async Task<RowPage> ReadAsync(IReadOnlyList<string>? after, int limit, CancellationToken cancellationToken)
    {
        var key = string.Join(", ", _key);
        var where = after is null ? ""
            : $" WHERE ({key}) > ({string.Join(", ", after.Select((text, i) => $"{PostgresSql.Literal(text)}::{_keyTypes[i]}"))})";
        var (rows, isWhole) = await CopyAsync($"SELECT {_columns} FROM {_from}{where} ORDER BY {key} LIMIT {limit}", limit,
            cancellationToken);
        var batch = _batch;
        IReadOnlyList<string> KeyOf(int row) => KeyText.Of(batch, _relation, batch.Changes[row].New);
        return new RowPage(await _form.OfAsync(rows, cancellationToken), KeyOf, isWhole && rows.Count < limit ? null
            : KeyOf(rows.Count - 1));
    }

    public async Task<Dictionary<string, byte[]?>> FindAsync(
        IReadOnlyCollection<IReadOnlyList<string>> keys, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, byte[]?>();
        if (keys.Count == 0)
            return found;

        var wanted = string.Join(", ", _keyTypes.Select((type, i) =>
            $"ARRAY[{string.Join(", ", keys.Select(key => PostgresSql.Literal(key[i])))}]::text[]::{type}[]"));
        var match = string.Join(" AND ", _key.Select((column, i) => $"{column} = k.k{i}"));
        var names = string.Join(", ", _key.Select((_, i) => $"k{i}"));
        var (rows, _) = await CopyAsync($"SELECT {_columns} FROM unnest({wanted}) AS k({names}) JOIN {_from} ON {match}", int.MaxValue,
            cancellationToken);
        rows = await _form.OfAsync(rows, cancellationToken);
        for (var i = 0; i < rows.Count; i++)
            found[KeyText.Join(KeyText.Of(_batch, _relation, _batch.Changes[i].New))] = rows[i]?.ToArray();
        return found;
    }

    public void Dispose()
    {
        _batch.Dispose();
        _bytes.Dispose();
        _writer.Dispose();
    }

    /// <summary>Reads rows up to the page's bytes; false if there were more. Where all are wanted the page may be larger.</summary>
    private async Task<(IReadOnlyList<ReadOnlyMemory<byte>?> Rows, bool IsWhole)> CopyAsync(
        string select, int limit, CancellationToken cancellationToken)
    {
        var size = _batch.Next;
        _batch.Dispose();
        _batch = new ChangeBatch(size);
        _bytes.Clear();
        var places = new List<(int Start, int Length)>();
        var isWhole = true;
        await foreach (var line in _connection.CopyOutAsync($"COPY ({select}) TO STDOUT", cancellationToken))
        {
            isWhole &= limit == int.MaxValue || _batch.Size < PageBytes || places.Count == 0;
            if (isWhole)
                places.Add(Add(line.Span));
        }
        return ([
            .. places.Select(place => place.Length < 0 ? null : (ReadOnlyMemory<byte>?)_bytes.Written.Slice(place.Start, place.Length))],
                isWhole);
    }

    private (int Start, int Length) Add(ReadOnlySpan<byte> line)
    {
        var row = CopyText.AddRow(_batch, _relation.Columns.Count, line);
        _batch.Add(new Change(_relation, ChangeOperation.Read, 0, 0, -1, 0, RowRef.None, row));
        var start = _bytes.Length;
        if (_writer.TryWriteColumns(_batch, _relation, row, _bytes, keyOnly: false) is null)
            return (start, _bytes.Length - start);
        _bytes.TruncateTo(start);
        return (start, -1);
    }
}
