using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>Holds the model against the real tables, and tells all that differs at once. What facts are made of is
/// <see cref="Facts"/>' to check.</summary>
internal static class SchemaCheck
{
    private static readonly IReadOnlyList<(string, string?)> SystemColumnsOfFacts =
        [.. SystemColumns.Fact.Zip(SystemColumns.FactTypes, (name, type) => (name, (string?)type))];

    public static async Task RunAsync(ClickHouseClient client, StarModel model, CancellationToken cancellationToken)
    {
        var rows = await client.QueryAsync(
            $"SELECT table, name, type FROM system.columns WHERE database = {ClickHouseSql.Quote(client.Database)}", cancellationToken);
        var tables = rows.GroupBy(row => row[0]!)
            .ToDictionary(table => table.Key, table => table.ToDictionary(row => row[1]!, row => row[2]!));
        string[] known = [ProgressTable.Name, DeadLetterTable.Name, .. model.Tables.Select(table => table.Landing),
            .. model.Facts.Select(fact => fact.Name)];
        if (!known.Any(tables.ContainsKey))
            throw new NotReadyException(
                $"ClickHouse database '{client.Database}' at {client.Address} has no tables yet: run ClickHouseMigrator.");

        var problems = new List<string>();
        foreach (var table in model.Tables)
        {
            Check(table.Landing, [.. table.Columns.Select(column => (column.Landing, (string?)column.Type.Name)),
                .. SystemColumns.Landing.Zip(SystemColumns.LandingTypes, (name, type) => (name, (string?)type))]);
        }
        foreach (var table in model.Tables)
        {
            foreach (var companion in table.Companions)
            {
                Check(companion.Name, [.. companion.Columns.Select(column => (column, (string?)null)),
                    .. table.Key.Select(key => (table.Columns[key].Landing, (string?)table.Columns[key].Type.Name))]);
                Check(companion.View, []);
            }
        }
        foreach (var fact in model.Facts)
            // Where a changed one is made beside it, that has the new columns, and is looked at when it is opened.
            Check(fact.Name, [.. SystemColumnsOfFacts, .. fact.Columns.Where(_ => !tables.ContainsKey(fact.Next))
                .Select(column => (column.Name, (string?)column.Type.Name))]);
        Check(ProgressTable.Name, []);
        Check(DeadLetterTable.Name, []);

        if (problems.Count > 0)
            throw new NotReadyException(
                $"ClickHouse database '{client.Database}' does not fit the model: {string.Join("; ", problems.Distinct())}. Run " +
                "ClickHouseMigrator, or correct the model.");

        void Check(string table, IReadOnlyList<(string Name, string? Type)> columns)
        {
            if (!tables.TryGetValue(table, out var real))
            {
                problems.Add($"table {table} is missing");
                return;
            }

            foreach (var (name, type) in columns)
            {
                if (!real.TryGetValue(name, out var realType))
                    problems.Add($"{table}.{name} is missing");
                else if (type is not null && realType != type)
                    problems.Add($"{table}.{name} is {realType}, where the model has {type}");
            }
        }
    }
}
