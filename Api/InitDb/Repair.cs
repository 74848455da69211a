namespace AspireCdc.Api.InitDb;

/// <summary>A difference between the database and what it should be, and the statement that removes it.</summary>
internal sealed record Repair(string Difference, string Statement);
