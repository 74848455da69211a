using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Mapping;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>The keys of one table that a batch changed, as literals of ClickHouse's SQL.</summary>
internal sealed class KeySet(TableMapping table)
{
    private readonly HashSet<string> _literals = [];

    public TableMapping Table { get; } = table;

    /// <summary>Not only some keys but all of them, those in ClickHouse included.</summary>
    public bool All { get; set; }

    public bool IsEmpty => _literals.Count == 0 && !All;

    public IReadOnlyCollection<string> Literals => _literals;

    public void Add(ChangeBatch batch, Relation relation, RowRef row)
    {
        if (Table.Key is [var only])
        {
            _literals.Add(Table.Columns[only].Type.Literal(batch.Text(row, relation.Positions[only])));
            return;
        }

        var literal = new StringBuilder("(");
        foreach (var column in Table.Key)
        {
            literal.Append(literal.Length > 1 ? "," : "");
            literal.Append(Table.Columns[column].Type.Literal(batch.Text(row, relation.Positions[column])));
        }
        _literals.Add(literal.Append(')').ToString());
    }

    public void Add(IEnumerable<string> literals) => _literals.UnionWith(literals);
}
