using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;
using AspireCdc.Star.Types;

namespace AspireCdc.ClickHouseMigrator.Discovery;

/// <summary>Makes a model of tables as they are, and says of each what is left out and why.</summary>
/// <param name="known">The model that there is already: what it calls and types in its own way stays so.</param>
/// <param name="appendOnly">Tables of which somebody knows that rows are only ever inserted, by identity.</param>
/// <param name="server">PostgreSQL's major version.</param>
internal sealed class Discoverer(StarModel known, IReadOnlyList<string> appendOnly, int server)
{
    private readonly List<TableMapping> _tables = [];
    private readonly List<TableReport> _reports = [];

    /// <summary>The tables that can be mirrored.</summary>
    public IReadOnlyList<TableMapping> Tables => _tables;

    /// <summary>What is to be said of each table, in their order.</summary>
    public IReadOnlyList<TableReport> Reports => _reports;

    /// <summary>Takes a table in, or says why not.</summary>
    public void Add(FoundTable table)
    {
        var notes = new List<string>();
        var before = known.Find(table.Source);
        var isAppendOnly = before is { AppendOnly: true } || appendOnly.Contains(table.Source);
        var reason = "";
        var key = isAppendOnly ? [] : Key(table, out reason);
        if (ReasonToLeaveOut(table, isAppendOnly) is { } other)
            (key, reason) = (null, other);
        if (key is null)
        {
            _reports.Add(new(table, null, [reason]));
            return;
        }

        var columns = new List<ColumnMapping>();
        foreach (var column in table.Columns)
        {
            var isKey = key.Contains(column.Name);
            var old = before?.Columns.FirstOrDefault(candidate => candidate.Source == column.Name);
            if (TypeOf(column, isKey, old, notes) is { } type)
                columns.Add(
                    new(column.Name, column.Type, old?.Landing ?? LandingName(table, column, isKey && key.Count == 1, notes), type, isKey));
            else if (isKey)
            {
                _reports.Add(new(table, null, notes));
                return;
            }
        }

        var found = table.Columns.ToLookup(column => column.IsGenerated, column => column.Name);
        if (table.Identity == 'f' && !isAppendOnly && FullIdentity.Refusal(
            found[false], found[true], columns.Select(column => column.Source), server) is { } refusal)
        {
            _reports.Add(new(table, null, [$"its REPLICA IDENTITY is FULL, and {refusal}: ALTER TABLE … REPLICA IDENTITY DEFAULT"]));
            return;
        }

        var mapping = new TableMapping
        {
            Schema = table.Schema,
            Name = table.Name,
            Landing = before?.Landing ?? LandingOf(table, notes),
            AppendOnly = isAppendOnly,
            Columns = columns,
            Companions = before?.Companions ?? [],
        };
        _tables.Add(mapping);
        _reports.Add(new(table, mapping, notes));
    }

    private string LandingOf(FoundTable table, List<string> notes)
    {
        var name = $"{(table.Schema == "public" ? "" : table.Schema + "_")}{table.Name}_landing";
        if (known.Tables.Concat(_tables).All(other => other.Landing != name))
            return name;
        var free = Enumerable.Range(2, int.MaxValue - 2).Select(number => $"{name}_{number}")
            .First(candidate => known.Tables.Concat(_tables).All(other => other.Landing != candidate));
        notes.Add($"it lands in {free}, since another table lands in {name}");
        return free;
    }

    private static string? ReasonToLeaveOut(FoundTable table, bool isAppendOnly) =>
        table.Name == "__EFMigrationsHistory" ? "EF Core keeps its migrations there"
        : table.IsUnlogged ? "it is unlogged, and nothing of it is in the WAL: ALTER TABLE … SET LOGGED"
        : table.Identity == 'n' && !isAppendOnly
            ? "its REPLICA IDENTITY is NOTHING, and changed rows would not be known: ALTER TABLE … REPLICA IDENTITY DEFAULT"
        : null;

    /// <summary>The columns by which PostgreSQL says which row has changed.</summary>
    private static IReadOnlyList<string>? Key(FoundTable table, out string reason)
    {
        var usable = table.Identity switch
        {
            'i' => table.Keys.Where(key => key.IsIdentity),
            'f' => table.Keys.Where(key => key.IsNotNull),
            _ => table.Keys.Where(key => key.IsPrimary),
        };
        reason = "";
        if (usable.FirstOrDefault() is { } found)
            return found.Columns;

        reason = table.Keys.Count == 0
            ? "it has no key, by which a changed row is known: ALTER TABLE … ADD PRIMARY KEY; if its rows are only ever inserted, say " +
                $"--append-only {table.Source}"
            : table.Keys.FirstOrDefault(key => key.IsNotNull) is { } unique
                ? $"it has no primary key; ({string.Join(", ", unique.Columns)}) is unique: ALTER TABLE … REPLICA IDENTITY USING INDEX " +
                    "…, or make it the primary key"
                : $"it has no primary key, and of the unique columns ({string.Join(", ", table.Keys[0].Columns)}) one takes NULL, so " +
                    "that two rows may look the same: ALTER TABLE … ADD PRIMARY KEY";
        return null;
    }

    private static ColumnType? TypeOf(FoundColumn column, bool isKey, ColumnMapping? old, List<string> notes)
    {
        if (column.IsGenerated)
        {
            notes.Add($"{column.Name} is left out: PostgreSQL computes it, and does not publish it");
            return null;
        }

        var type = new PostgresType(column.Base, column.Kind
            switch
        { 'e' => PostgresKind.Enum, 'c' => PostgresKind.Composite, 'r' or 'm' => PostgresKind.Range, _ => PostgresKind.Base });
        var isNullable = !column.IsNotNull && !isKey;
        // What was chosen by hand stays, as long as it can hold the column.
        if (old is not null && old.Postgres == column.Type)
            return isNullable ? old.Type.WithNull() ?? old.Type : old.Type.WithoutNull();
        if (old is not null && PostgresTypes.LandAlike(old.Postgres, column.Type) && !IsDefault(old)
            && PostgresTypes.For(type, isNullable, isCategory: false, old.Type.WithoutNull().Name).Type is { } kept)
            return kept;
        var choice = PostgresTypes.For(type, isNullable, isCategory: false, asked: null);
        if (choice.Type is not null)
            return choice.Type;
        if (column.Base is "tsvector" or "tsquery")
        {
            notes.Add($"{column.Name} {choice.Refusal}");
            return null;
        }

        var text = PostgresTypes.For(type, isNullable, isCategory: false, asked: "String");
        notes.Add(text.Type is not null
            ? $"{column.Name} ({column.Type}) lands as text, exact: a Decimal holds so many digits as are said, and no more"
            : $"{column.Name} {text.Refusal}");
        return text.Type;
    }

    private static bool IsDefault(ColumnMapping column) =>
        PostgresTypes.For(new PostgresType(column.Postgres), false, isCategory: false, asked: null).Type?.Name
        == column.Type.WithoutNull().Name;

    private static string LandingName(FoundTable table, FoundColumn column, bool isOnlyKey, List<string> notes)
    {
        if (isOnlyKey && column.Name == "id" && table.Columns.All(other => other.Name != $"{table.Name}_id"))
            return $"{table.Name}_id";
        if (!SystemColumns.Landing.Contains(column.Name) && column.Name != SystemColumns.LsnText)
            return column.Name;
        notes.Add($"{column.Name} is called {table.Name}_{column.Name} in ClickHouse, where the pipeline has a column of this name");
        return $"{table.Name}_{column.Name}";
    }
}

/// <summary>What is to be said of a table.</summary>
/// <param name="Table">The table.</param>
/// <param name="Mapping">How it is mirrored; null if it is not.</param>
/// <param name="Notes">What is left out, and why.</param>
internal sealed record TableReport(FoundTable Table, TableMapping? Mapping, IReadOnlyList<string> Notes);
