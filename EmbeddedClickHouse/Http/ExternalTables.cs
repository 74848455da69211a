using AspireCdc.EmbeddedClickHouse.Engine;
using AspireCdc.EmbeddedClickHouse.Sql;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>The files of a <c>multipart/form-data</c> request: each is a temporary table for the query.</summary>
internal static class ExternalTables
{
    private const int CopySize = 1024 * 1024;

    /// <summary>Makes and fills the tables, and returns their names.</summary>
    public static async Task<IReadOnlyList<string>> LoadAsync(
        ChdbEngine engine, ChdbConnection connection, QueryRequest request, IQueryCollection url, CancellationToken cancellation)
    {
        if (request.Form is null)
            return [];

        var tables = new List<string>();
        foreach (var file in request.Form.Files)
        {
            var columns = Columns(file.Name, name =>
                url.TryGetValue(name, out var inUrl) ? inUrl.ToString() : request.Form[name].ToString());
            var format = url[file.Name + "_format"].FirstOrDefault() ?? request.Form[file.Name + "_format"]
                .FirstOrDefault() ?? OutputFormat.Default;
            HiddenSql.CheckStructure(columns);
            var table = SqlText.QuoteIdentifier(file.Name);
            tables.Add(table);
            await engine.RunAsync(connection, () => connection.Query($"CREATE TEMPORARY TABLE {table} ({columns})"), cancellation);

            using var insert = await engine.RunAsync(connection,
                () => connection.BeginInsert(System.Text.Encoding.UTF8.GetBytes($"INSERT INTO {table}"), format, []), cancellation);
            await using var data = file.OpenReadStream();
            var buffer = new byte[Math.Min(CopySize, Math.Max(1, file.Length))];
            int read;
            while ((read = await data.ReadAsync(buffer, cancellation)) > 0 && insert.Append(buffer.AsSpan(0, read)))
            {
            }

            await engine.RunAsync(connection, insert.End, cancellation);
        }

        return tables;
    }

    /// <summary>Names and types, or types only: then the columns are called _1, _2 and so on.</summary>
    private static string Columns(string table, Func<string, string> parameter)
    {
        if (parameter(table + "_structure") is { Length: > 0 } structure)
            return structure;
        if (parameter(table + "_types") is { Length: > 0 } types)
            return string.Join(", ", SplitTypes(types).Select((type, i) => $"_{i + 1} {type}"));
        throw ClickHouseException.Raise(
            ErrorCode.BadArguments, "BAD_ARGUMENTS",
            $"Neither structure nor types have not been provided for external table {table}. Use fields {table}_structure or " +
            $"{table}_types to do so.");
    }

    /// <summary>Commas inside a type, as in Decimal(9, 2), do not end it.</summary>
    private static IEnumerable<string> SplitTypes(string types)
    {
        var depth = 0;
        var start = 0;
        for (var i = 0; i < types.Length; i++)
        {
            depth += types[i] == '(' ? 1 : types[i] == ')' ? -1 : 0;
            if (types[i] == ',' && depth == 0)
            {
                yield return types[start..i].Trim();
                start = i + 1;
            }
        }

        yield return types[start..].Trim();
    }
}
