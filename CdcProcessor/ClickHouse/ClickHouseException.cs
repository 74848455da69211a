namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>ClickHouse refused a statement.</summary>
internal sealed class ClickHouseException(int code, string message) : Exception(Advice(code, message) + message)
{
    private const int CannotWrite = 75, NotEnoughSpace = 243, CorruptedData = 246, TooManyParts = 252;

    /// <summary>A question's answer is longer than it allowed (ClickHouse's <c>TOO_MANY_ROWS_OR_BYTES</c>).</summary>
    public const int TooLongAnAnswer = 396;

    /// <summary>The user lacks a right (ClickHouse's <c>ACCESS_DENIED</c>).</summary>
    public const int AccessDenied = 497;

    /// <summary>ClickHouse's error code; 0 where the answer had none.</summary>
    public int Code { get; } = code;

    /// <summary>What to do about faults that come from outside, before ClickHouse's own words.</summary>
    private static string Advice(int code, string message) => code switch
    {
        NotEnoughSpace => "ClickHouse's disk is full: make room there, and the pipeline goes on by itself. ",
        CannotWrite when message.Contains("No space left", StringComparison.Ordinal) => Advice(NotEnoughSpace, message),
        CorruptedData =>
            "ClickHouse has a damaged part, as a full disk or a crash can leave one: restart ClickHouse soon, and it takes the parts from "
            + "which it was merged (it keeps them for eight minutes); after that, see 'A damaged part' in docs/operations.md. ",
        TooManyParts =>
            "ClickHouse has too many parts in one partition of a table, for it merges more slowly than rows come: the pipeline waits "
            + "and goes on by itself; if that takes long, see system.merges. ",
        _ => "",
    };
}
