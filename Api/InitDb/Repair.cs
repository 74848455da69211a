namespace AspireCdc.Api.InitDb;

/// <summary>A difference between the database and what it should be, and the statement that removes it.</summary>
internal sealed record Repair(string Difference, string Statement)
{
    /// <summary>It is done each time, since nobody can see whether it is needed.</summary>
    public bool IsBlind { get; init; }
}
