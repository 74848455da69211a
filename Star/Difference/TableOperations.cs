using AspireCdc.Star.Model;
using AspireCdc.Star.Statements;
using static AspireCdc.Star.ClickHouse.ClickHouseSql;

namespace AspireCdc.Star.Difference;

/// <summary>A table that is mirrored from now on.</summary>
internal sealed record CreateLanding(TableMapping Table)
    : Operation($"{Table.Landing} is made for the rows of {Table.Source}; the processor copies them.")
{
    public override IReadOnlyList<string> Statements => [TableStatements.CreateLanding(Table)];
}

/// <summary>A column that is mirrored from now on.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Column">The column.</param>
/// <param name="After">The column before it, or null.</param>
internal sealed record AddColumn(TableMapping Table, ColumnMapping Column, string? After)
    : Operation($"{Table.Landing} gets the column {Column.Landing}; the processor copies {Table.Source} again, beside the stream.")
{
    public override IReadOnlyList<string> Statements =>
        [$"ALTER TABLE {Name(Table.Landing)} ADD COLUMN IF NOT EXISTS {Name(Column.Landing)} {Column.Type} " +
            $"{(After is null ? "FIRST" : $"AFTER {Name(After)}")}"];
}

/// <summary>A column whose new type holds all that the old one did.</summary>
internal sealed record WidenColumn(TableMapping Table, ColumnMapping Column, string Before)
    : Operation(
        $"{Table.Landing}.{Column.Landing} is widened from {Before} to {Column.Type}; the processor copies {Table.Source} " +
        "again, beside the stream.")
{
    public override IReadOnlyList<string> Statements =>
        [$"ALTER TABLE {Name(Table.Landing)} MODIFY COLUMN {Name(Column.Landing)} {Column.Type}"];
}

/// <summary>A column that is called otherwise in ClickHouse from now on.</summary>
internal sealed record RenameColumn(TableMapping Table, string Before, string After)
    : Operation($"{Table.Landing}.{Before} is called {After} from now on; the processor copies {Table.Source} again, beside the stream.")
{
    public override IReadOnlyList<string> Statements =>
        [$"ALTER TABLE {Name(Table.Landing)} RENAME COLUMN IF EXISTS {Name(Before)} TO {Name(After)}"];
}

/// <summary>A column that is mirrored no longer.</summary>
internal sealed record DropColumn(TableMapping Table, string Column)
    : Operation($"{Table.Landing} loses the column {Column}, with its values.")
{
    public override IReadOnlyList<string> Statements => [$"ALTER TABLE {Name(Table.Landing)} DROP COLUMN IF EXISTS {Name(Column)}"];
}

/// <summary>A table whose rows another source in PostgreSQL, of another name, has from now on: nothing changes in ClickHouse.</summary>
internal sealed record RenameSource(TableMapping Table, string Before)
    : Operation($"{Table.Landing} mirrors {Table.Source}, which was called {Before}; the processor copies it again, beside the stream.")
{
    public override IReadOnlyList<string> Statements => [];
}

/// <summary>A column whose name in PostgreSQL is another one: nothing changes in ClickHouse.</summary>
internal sealed record RenameSourceColumn(TableMapping Table, ColumnMapping Column, string Before)
    : Operation(
        $"{Table.Landing}.{Column.Landing} mirrors {Table.Source}.{Column.Source}, which was called {Before}; the processor copies " +
        $"{Table.Source} again, beside the stream.")
{
    public override IReadOnlyList<string> Statements => [];
}

/// <summary>A table or fact that is called otherwise in ClickHouse from now on.</summary>
internal sealed record RenameTable(string Before, string After)
    : Operation($"{Before} is called {After} from now on.")
{
    public override IReadOnlyList<string> Statements => [$"RENAME TABLE IF EXISTS {Name(Before)} TO {Name(After)}"];
}

/// <summary>A table or fact that is gone.</summary>
internal sealed record DropTable(string Table, string Reason)
    : Operation($"{Table} is dropped, with its rows: {Reason}.")
{
    public override IReadOnlyList<string> Statements => [$"DROP TABLE IF EXISTS {Name(Table)}"];
}

/// <summary>
/// A table whose key or types are others: ClickHouse changes neither in its place. Its rows, tombstones included, go into a table beside
/// it, which then takes its place; what had no equivalent comes with
/// the processor's copy.
/// </summary>
/// <param name="Table">The table as it is to be.</param>
/// <param name="Was">The column that each of its columns was before; those that are new are not in it.</param>
/// <param name="Reason">What changed.</param>
internal sealed record RebuildLanding(TableMapping Table, IReadOnlyDictionary<string, ColumnMapping> Was, string Reason)
    : Operation(
        $"{Table.Landing} is made anew with its rows, since {Reason}; the processor copies {Table.Source} again, beside the stream.")
{
    private string Next => Table.Landing + "__next";

    // From its first statement on, so that it may run twice: the table may be the old one or already the new one.
    public override IReadOnlyList<string> Statements
    {
        get
        {
            var kept = Table.Columns.Where(column => Was.ContainsKey(column.Landing)).ToList();
            return
            [
                $"DROP TABLE IF EXISTS {Name(Next)}",
                TableStatements.CreateLanding(Table, Next),
                $"""
                INSERT INTO {Name(Next)} ({Names([.. kept.Select(column => column.Landing), .. SystemColumns.Landing])})
                SELECT {string.Join(", ", kept.Select(Value))}, {string.Join(", ", SystemColumns.Landing)} FROM {Name(Table.Landing)} SETTINGS final = 0
                """,
                $"EXCHANGE TABLES {Name(Table.Landing)} AND {Name(Next)}",
                $"DROP TABLE IF EXISTS {Name(Next)}",
            ];
        }
    }

    private string Value(ColumnMapping column)
    {
        var before = Was[column.Landing];
        var value = before.Landing == column.Landing ? Name(column.Landing) : $"COLUMNS({Quote($"^({before.Landing}|{column.Landing})$")})";
        return before.Type.Name == column.Type.Name ? value : Conversion.Lenient(value, column.Type);
    }
}
