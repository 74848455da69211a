using AspireCdc.Star.Model;
using AspireCdc.Star.Statements;
using static AspireCdc.Star.ClickHouse.ClickHouseSql;

namespace AspireCdc.Star.Difference;

/// <summary>A companion that a fact needs from now on.</summary>
internal sealed record CreateCompanion(TableMapping Table, Companion Companion)
    : Operation($"{Companion.Name} is made, which finds rows of {Table.Source} by {string.Join(", ", Companion.Columns)}.")
{
    public override IReadOnlyList<string> Statements => [TableStatements.CreateCompanion(Table, Companion)];
}

/// <summary>The view that fills a companion.</summary>
internal sealed record CreateView(TableMapping Table, Companion Companion)
    : Operation($"{Companion.View} fills it with what lands in {Table.Landing}.")
{
    public override IReadOnlyList<string> Statements => [TableStatements.CreateView(Table, Companion)];
}

/// <summary>What has landed already, for a companion that is new.</summary>
internal sealed record FillCompanion(TableMapping Table, Companion Companion)
    : Operation($"{Companion.Name} is filled with what {Table.Landing} holds already.")
{
    public override IReadOnlyList<string> Statements => [TableStatements.FillCompanion(Table, Companion)];
}

/// <summary>A view that stands in the way of a change: one that reads a column under its old name would fail every insert.</summary>
internal sealed record DropView(Companion Companion)
    : Operation($"{Companion.View} is dropped before its table changes.")
{
    public override IReadOnlyList<string> Statements => [$"DROP VIEW IF EXISTS {Name(Companion.View)}"];
}

/// <summary>A companion that no fact needs any more, or whose columns are others.</summary>
internal sealed record DropCompanion(Companion Companion, bool IsMadeAnew)
    : Operation(IsMadeAnew ? $"{Companion.Name} is dropped, to be made anew." : $"{Companion.Name} is dropped: no fact needs it any more.")
{
    public override IReadOnlyList<string> Statements =>
        [$"DROP VIEW IF EXISTS {Name(Companion.View)}", $"DROP TABLE IF EXISTS {Name(Companion.Name)}"];
}
