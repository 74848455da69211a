using System.Buffers;
using System.Text;
using AspireCdc.Star.Model;
using AspireCdc.Tests.Fixtures;
using Npgsql;
using static AspireCdc.Star.ClickHouse.ClickHouseSql;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>
/// The invariant, out of the model itself: every landing table holds the table's rows, and every fact those of its query in
/// PostgreSQL, byte for byte as their types land.
/// </summary>
internal static class ModelOracle
{
    /// <summary>What is compared: a name, PostgreSQL's query, ClickHouse's table and columns.</summary>
    public static IEnumerable<(string Name, string Postgres, IReadOnlyList<(string Name, Star.Types.ColumnType Type)> Columns)> Of(
        StarModel model) =>
    [
        .. model.Tables.Select(table => (
            table.Landing,
            $"SELECT {string.Join(", ", table.Columns.Select(column => Quoted(column.Source)))} FROM " +
            $"{Quoted(table.Schema)}.{Quoted(table.Name)}",
            Columns(table.Columns.Select(column => (column.Landing, column.Type))))),
        .. model.Facts.Where(fact => fact.Postgres is not null)
        .Select(fact => (fact.Name, fact.Postgres!, Columns(fact.Columns.Select(column => (column.Name, column.Type))))),
    ];

    /// <summary>PostgreSQL's rows, each as the hexadecimal digits of its RowBinary.</summary>
    public static async Task<IReadOnlyList<string>> ReadPostgresAsync(
        TestDatabase database, string sql, IReadOnlyList<(string Name, Star.Types.ColumnType Type)> columns,
        CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        var names = Enumerable.Range(1, columns.Count).Select(i => $"c{i}").ToList();
        // As the stream has them, by their types' own output: a cast to text takes the padding off a character(n).
        await using var command = new NpgsqlCommand(
            "SET TimeZone = 'UTC'; SELECT " +
            $"{string.Join(", ", names.Select(name => $"CASE num_nulls({name}) WHEN 0 THEN format('%s', {name}) END"))} FROM ({sql}) AS " +
            $"q({string.Join(", ", names)})", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<string>();
        var bytes = new ArrayBufferWriter<byte>();
        while (await reader.ReadAsync(cancellationToken))
        {
            bytes.ResetWrittenCount();
            for (var i = 0; i < columns.Count; i++)
            {
                if (await reader.IsDBNullAsync(i, cancellationToken))
                    columns[i].Type.WriteNull(bytes);
                else if (!columns[i].Type.TryWrite(Encoding.UTF8.GetBytes(reader.GetString(i)), bytes))
                    throw new InvalidDataException($"{columns[i].Type} does not take '{reader.GetString(i)}' of {columns[i].Name}.");
            }
            rows.Add(Convert.ToHexString(bytes.WrittenSpan));
        }
        return rows;
    }

    /// <summary>Empty, or the first rows that differ.</summary>
    public static async Task<string> CompareAsync(
        TestClickHouse database, string table, IReadOnlyList<(string Name, Star.Types.ColumnType Type)> columns,
        IReadOnlyList<string> expected, CancellationToken cancellationToken)
    {
        var names = Names(columns.Select(column => column.Name));
        var text = await database.QueryAsync(
            $"SELECT hex(formatRow('RowBinary', {names})), {names} FROM {Name(table)} FORMAT TabSeparated", cancellationToken);
        var rows = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t', 2)).ToList();
        var missing = expected.Except(rows.Select(row => row[0])).ToList();
        var surplus = rows.ExceptBy(expected, row => row[0]).ToList();
        if (missing.Count == 0 && surplus.Count == 0 && rows.Count == expected.Count)
            return "";
        return $"{rows.Count} rows instead of {expected.Count}; missing: " +
            $"{string.Join(" | ", missing.Take(3).Select(row => Encoding.UTF8.GetString(Convert.FromHexString(row))))}; surplus: " +
            $"{string.Join(" | ", surplus.Take(3).Select(row => row[1]))}";
    }

    private static IReadOnlyList<(string, Star.Types.ColumnType)> Columns(IEnumerable<(string, Star.Types.ColumnType)> columns) =>
        [.. columns];

    private static string Quoted(string name) => $"\"{name}\"";
}
