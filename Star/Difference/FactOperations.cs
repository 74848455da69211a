using AspireCdc.Star.Model;
using AspireCdc.Star.Statements;
using static AspireCdc.Star.ClickHouse.ClickHouseSql;

namespace AspireCdc.Star.Difference;

/// <summary>A fact that is new.</summary>
internal sealed record CreateFact(FactMapping Fact)
    : Operation($"{Fact.Name} is made for the rows of {Fact.Root}; the processor derives it.")
{
    public override IReadOnlyList<string> Statements => [TableStatements.CreateFact(Fact)];
}

/// <summary>A fact whose definition is another one.</summary>
internal sealed record ChangeFact(FactMapping Fact, string Reason)
    : Operation($"{Fact.Name} is derived anew beside the old one, which readers see until the two are exchanged: {Reason}.")
{
    public override IReadOnlyList<string> Statements =>
        [$"DROP TABLE IF EXISTS {Name(Fact.Next)}", TableStatements.CreateFact(Fact, Fact.Next)];
}
