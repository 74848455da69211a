namespace AspireCdc.Star.Model;

/// <summary>The columns that the pipeline adds to its tables.</summary>
internal static class SystemColumns
{
    /// <summary>Those of landing tables, in the order in which rows are written.</summary>
    public static IReadOnlyList<string> Landing { get; } = ["is_deleted", "source_partition", "lsn", "version"];

    /// <summary>Their types.</summary>
    public static IReadOnlyList<string> LandingTypes { get; } = ["UInt8", "Int32", "UInt64", "UInt128"];

    /// <summary>The alias that all of them have: <c>lsn</c> as PostgreSQL writes it.</summary>
    public const string LsnText = "lsn_text";

    /// <summary>Those of facts.</summary>
    public static IReadOnlyList<string> Fact { get; } = ["is_deleted", "lsn", "version"];

    /// <summary>Their types.</summary>
    public static IReadOnlyList<string> FactTypes { get; } = ["UInt8", "UInt64", "UInt256"];
}
