namespace AspireCdc.EmbeddedClickHouse.Sql;

internal enum StatementKind
{
    /// <summary>Gives rows, maybe many: SELECT and what may begin one.</summary>
    Select,

    /// <summary>Anything else that is complete by itself: DDL, SHOW, SYSTEM, INSERT … SELECT.</summary>
    Command,

    /// <summary>INSERT whose data follow its text.</summary>
    Insert,

    /// <summary>INSERT … SELECT … FROM input(…), which reads the data that follow its text.</summary>
    InsertFromInput,
}

/// <summary>
/// What the server has to know of a statement: what kind it is, in which format its rows go out or come in, and where its data begin.
/// Whether it is right, the engine says.
/// </summary>
internal sealed record Statement
{
    public required StatementKind Kind { get; init; }

    /// <summary>The first word, in capitals.</summary>
    public string Keyword { get; init; } = "";

    /// <summary>The name after FORMAT (Values for VALUES), or null.</summary>
    public string? Format { get; init; }

    /// <summary>Where the FORMAT clause begins, or the VALUES of an INSERT; without one, the end of the last token.</summary>
    public required int BodyEnd { get; init; }

    /// <summary>The part that follows the name of the format: <c>SETTINGS …</c> or nothing.</summary>
    public Range Tail { get; init; } = 0..0;

    /// <summary>Where an INSERT's data begin.</summary>
    public int DataStart { get; init; }

    /// <summary>The word <c>input</c> of an <see cref="StatementKind.InsertFromInput"/>.</summary>
    public Range Input { get; init; } = 0..0;

    /// <summary>Where a second statement begins, which HTTP does not allow; -1 if there is none.</summary>
    public int SecondStatement { get; init; } = -1;

    /// <summary>INTO OUTFILE or FROM INFILE: a file of the client, which HTTP does not have.</summary>
    public bool NamesClientFile { get; init; }

    /// <summary>PARALLEL WITH: more than one statement.</summary>
    public bool IsParallel { get; init; }

    /// <summary>There is nothing but space and comments.</summary>
    public bool IsEmpty { get; init; }
}
