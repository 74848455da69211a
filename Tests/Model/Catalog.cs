namespace AspireCdc.Tests.ModelChecking;

/// <summary>What a table is at one moment.</summary>
/// <param name="Oid">Its identity; a table that takes its name has another.</param>
/// <param name="File">Its file: another one after each rewrite, with the rows in other places.</param>
/// <param name="HasText">Its column of texts is there, and not renamed or dropped.</param>
/// <param name="IsRenamed">It goes by another name.</param>
internal readonly record struct Form(int Oid, int File, bool HasText, bool IsRenamed)
{
    /// <summary>It can be read by its name, with all its columns.</summary>
    public bool IsReadable => HasText && !IsRenamed;
}

/// <summary>PostgreSQL's catalog: what the tables are now, whatever the stream says of the past.</summary>
internal sealed class Catalog
{
    private readonly Dictionary<Table, Form> _forms =
        Enum.GetValues<Table>().ToDictionary(table => table, _ => new Form(0, 0, HasText: true, IsRenamed: false));

    public Form this[Table table]
    {
        get => _forms[table];
        set => _forms[table] = value;
    }

    public Dictionary<Table, Form> Copy() => new(_forms);
}
