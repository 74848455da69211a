using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// Keys of one table for a condition. A few stand in the statement as literals; many travel beside it as a table: ClickHouse takes
/// microseconds for every literal, as often as a statement repeats the list, and a derivation of 20,000 keys
/// spent six sevenths of its time on that.
/// </summary>
internal sealed class KeySet(TableMapping table) : IDisposable
{
    /// <summary>What is worth a table of its own.</summary>
    public const int Few = 256;

    private readonly HashSet<string> _literals = [];
    private readonly RowBuffer _rows = new();
    private readonly string _structure = string.Join(", ", table.Key.Select((column, i) => $"key_{i + 1} {table.Columns[column].Type}"));
    private bool _isFew = true;

    /// <summary>A set of keys whose values are texts; see <see cref="Add(IReadOnlyList{string})"/>.</summary>
    public static KeySet Of(TableMapping table, IEnumerable<IReadOnlyList<string>> keys)
    {
        var set = new KeySet(table);
        foreach (var key in keys)
            set.Add(key);
        return set;
    }

    public TableMapping Table { get; } = table;

    /// <summary>Not only some keys but all of them, those in ClickHouse included.</summary>
    public bool All { get; set; }

    /// <summary>How many keys there are; where they are many, one that was added again counts again.</summary>
    public int Count => _rows.Rows;

    public bool IsEmpty => Count == 0 && !All;

    /// <summary>Adds the key of a row.</summary>
    public void Add(ChangeBatch batch, Relation relation, RowRef row)
    {
        _isFew &= Count < Few;
        if (_isFew && !_literals.Add(Table.KeyLiteral(KeyText.Of(batch, relation, row))))
            return;

        foreach (var column in Table.Key)
            Table.Columns[column].Type.TryWrite(batch.Text(row, relation.Positions[column]), _rows);
        _rows.Rows++;
    }

    /// <summary>Adds a key whose values are texts; not if one of them is no value of its column's, for then no row has it.</summary>
    public void Add(IReadOnlyList<string> texts)
    {
        var start = _rows.Length;
        for (var i = 0; i < texts.Count; i++)
        {
            if (Table.Columns[Table.Key[i]].Type.TryWrite(Encoding.UTF8.GetBytes(texts[i]), _rows))
                continue;
            _rows.TruncateTo(start);
            return;
        }

        _isFew &= Count < Few;
        if (_isFew)
            _literals.Add(Table.KeyLiteral(texts));
        _rows.Rows++;
    }

    /// <summary>Adds the keys of another set, of the same table.</summary>
    public void Add(KeySet other) => Add(other.Count, other._rows.Written.Span, other._isFew ? other._literals : null);

    /// <summary>Adds keys that ClickHouse returned.</summary>
    /// <param name="count">How many.</param>
    /// <param name="rowBinary">Their columns as RowBinary.</param>
    /// <param name="literals">The same as literals, if they are few.</param>
    public void Add(int count, ReadOnlySpan<byte> rowBinary, IReadOnlyCollection<string>? literals)
    {
        _isFew &= literals is not null;
        if (_isFew)
            _literals.UnionWith(literals!);
        rowBinary.CopyTo(_rows.GetSpan(rowBinary.Length));
        _rows.Advance(rowBinary.Length);
        _rows.Rows += count;
    }

    /// <summary>What stands after IN, and the table that must go with the statement, if one must.</summary>
    /// <param name="name">The table's name.</param>
    public (string Set, ExternalTable? Table) In(string name) => _isFew
        ? ($"({string.Join(',', _literals)})", null)
        : ($"(SELECT * FROM {name})", new ExternalTable(name, _structure, _rows.Written));

    public void Clear()
    {
        All = false;
        _isFew = true;
        _literals.Clear();
        _rows.Clear();
    }

    public void Dispose() => _rows.Dispose();
}
