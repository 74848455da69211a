using System.Globalization;
using System.Numerics;
using System.Text;
using AspireCdc.CdcProcessor.Mapping;
using static AspireCdc.CdcProcessor.ClickHouse.ClickHouseClient;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>The statements that derive one fact table from the landing tables.</summary>
internal sealed class FactTable
{
    private readonly Model _model;
    private readonly TableMapping _root;
    private readonly string _rootKey;

    public FactTable(Model model, FactMapping mapping)
    {
        _model = model;
        Mapping = mapping;
        _root = model.Table(mapping.Root);
        _rootKey = string.Join(", ", _root.Key.Select(column => Name(_root.Columns[column].Landing)));
    }

    public FactMapping Mapping { get; }

    /// <summary>The table whose rows are the facts.</summary>
    public TableMapping Root => _root;

    /// <summary>The root's key as it stands in a condition.</summary>
    public string KeyExpression => _root.Key.Count == 1 ? _rootKey : $"({_rootKey})";

    /// <summary>Selects the keys of the roots whose fact shows one of the changed rows, some of them more than once; null if none of this fact's parents has changed.</summary>
    public (string Sql, IReadOnlyCollection<ExternalTable> Tables)? Affected(IReadOnlyDictionary<string, KeySet> changed)
    {
        var children = new List<string>();
        var tables = new List<ExternalTable>();
        foreach (var parent in Mapping.Parents)
        {
            if (!changed.TryGetValue(parent.Table, out var keys) || keys.Count == 0)
                continue;

            var (set, table) = keys.In($"changed_{children.Count + 1}");
            children.Add(Children(parent, $"{Name(parent.Via)} IN {set}"));
            if (table is not null)
                tables.Add(table);
        }
        return children.Count == 0 ? null : (string.Join(" UNION ALL ", children), tables);
    }

    /// <summary>
    /// Reads, as RowBinary, the next <paramref name="limit"/> roots among <paramref name="keys"/> after <paramref name="after"/>: for each column of the key the text of the last root's
    /// and an array of the first few roots' texts; then the array of all keys. See <see cref="ReadPage"/>.
    /// </summary>
    public string Page(string keys, string? after, int limit)
    {
        var columns = Enumerable.Range(1, _root.Key.Count);
        return $"""
            WITH groupArray(tuple({_rootKey})) AS roots, arraySlice(roots, 1, {KeySet.Few}) AS few
            SELECT {string.Join(", ", columns.Select(column => $"toString(roots[-1].{column}), arrayMap(root -> toString(root.{column}), few)"))}, roots
            FROM (SELECT DISTINCT {_rootKey} FROM ({keys}){After(after)} ORDER BY {_rootKey} LIMIT {limit})
            """;
    }

    /// <summary>Takes apart what <see cref="Page"/> read.</summary>
    public RootPage ReadPage(ReadOnlyMemory<byte> rowBinary)
    {
        var rest = rowBinary;
        var last = new string[_root.Key.Count];
        var few = new string[_root.Key.Count][];
        for (var column = 0; column < last.Length; column++)
        {
            last[column] = RowBinary.ReadString(ref rest);
            few[column] = new string[RowBinary.ReadLength(ref rest)];
            for (var i = 0; i < few[column].Length; i++)
                few[column][i] = RowBinary.ReadString(ref rest);
        }

        var count = RowBinary.ReadLength(ref rest);
        var literals = count > few[0].Length ? null : Enumerable.Range(0, count).Select(i => _root.KeyLiteral([.. few.Select(texts => texts[i])])).ToArray();
        return new RootPage(count, rest, literals, count == 0 ? null : _root.KeyLiteral(last));
    }

    /// <summary>Reads the key columns of the last of the next <paramref name="limit"/> roots after <paramref name="after"/>, and how many they are.</summary>
    public string LastOfPage(string? after, int limit) =>
        $"""
        WITH max(tuple({_rootKey})) AS last
        SELECT {string.Join(", ", _root.Key.Select((_, i) => $"last.{i + 1}"))}, count()
        FROM (SELECT DISTINCT {_rootKey} FROM {Name(_root.Landing)}{After(after)} ORDER BY {_rootKey} LIMIT {limit})
        """;

    /// <summary>
    /// Derives the facts of the roots for which <paramref name="condition"/> (on the root's key) holds, from the newest landing rows. A root that is deleted, or that lacks one of
    /// its parents, becomes a tombstone: without that row a fact would never disappear. No key is there twice, so ClickHouse need not look for that.
    /// </summary>
    /// <param name="condition">Which roots.</param>
    /// <param name="position">The position of the one ordered reader's batch; null where several readers fill the tables.</param>
    public string Derive(string condition, UInt128? position)
    {
        var parts = new List<string> { Name(Mapping.Root) };
        var joins = new StringBuilder();
        var shown = new StringBuilder($"{Name(Mapping.Root)}.is_deleted = 0");
        foreach (var parent in Mapping.Parents)
        {
            var table = _model.Table(parent.Table);
            var name = Name(parent.Table);
            var key = Name(table.Columns[table.Key[0]].Landing);
            joins.Append(CultureInfo.InvariantCulture, $"\nLEFT JOIN {Newest(table, $"{key} IN ({References(parent, condition)})")} AS {name} ON {name}.{key} = {Name(parent.Child)}.{Name(parent.Via)}");
            shown.Append(CultureInfo.InvariantCulture, $" AND {name}.version != 0 AND {name}.is_deleted = 0");
            parts.Add(name);
        }

        var rootKeys = _root.Key.Select(column => _root.Columns[column].Landing).ToHashSet();
        var values = Mapping.Columns.Select(column => rootKeys.Contains(column.Name)
            ? column.Expression
            : $"if(shown, {column.Expression}, defaultValueOfArgumentType({column.Expression}))");

        return $"""
            INSERT INTO {Name(Mapping.Table)} ({string.Join(", ", Mapping.Columns.Select(column => Name(column.Name)))}, is_deleted, lsn, version)
            WITH {shown} AS shown
            SELECT {string.Join(",\n    ", values)},
                NOT shown, greatest({string.Join(", ", parts.Select(part => part + ".lsn"))}), {Version(position)}
            FROM {Newest(_root, condition)} AS {Name(Mapping.Root)}{joins}
            SETTINGS optimize_on_insert = 0
            """;
    }

    /// <summary>
    /// Several readers have no common position, so the fact's version is made of its parts' versions, the root's first: rows that point on come before those they point to,
    /// and the last ones, which nothing else depends on, may be summed.
    /// </summary>
    private string Version(UInt128? position)
    {
        if (position is { } known)
            return $"toUInt256('{known.ToString(CultureInfo.InvariantCulture)}')";

        var pointing = Mapping.Parents.Where(parent => Mapping.Parents.Any(other => other.Child == parent.Table)).ToList();
        var levels = new List<string> { Name(Mapping.Root) + ".version" };
        levels.AddRange(pointing.Select(parent => Name(parent.Table) + ".version"));
        var leaves = Mapping.Parents.Except(pointing).Select(parent => $"toUInt256({Name(parent.Table)}.version)").ToList();
        if (leaves.Count > 0)
            levels.Add(string.Join(" + ", leaves));

        return string.Join(" + ", levels.Select((level, i) => $"toUInt256({level}) * toUInt256('{BigInteger.One << (64 * (levels.Count - 1 - i))}')"));
    }

    /// <summary>The keys of a parent's rows to which the chosen roots point, now or in an older row.</summary>
    private string References(ParentMapping parent, string condition)
    {
        var child = _model.Table(parent.Child);
        var which = condition;
        if (parent.Child != Mapping.Root)
            which = $"{Name(child.Columns[child.Key[0]].Landing)} IN ({References(Mapping.Parents.First(other => other.Table == parent.Child), condition)})";
        return $"SELECT {Name(parent.Via)} FROM {Name(child.Landing)} WHERE {which}";
    }

    /// <summary>The keys of the roots under the rows of a parent that the condition chooses.</summary>
    private string Children(ParentMapping parent, string condition)
    {
        var child = _model.Table(parent.Child);
        var key = string.Join(", ", child.Key.Select(column => Name(child.Columns[column].Landing)));
        var select = $"SELECT {key} FROM {Name(parent.Companion)} WHERE {condition}";
        if (parent.Child == Mapping.Root)
            return select;

        var next = Mapping.Parents.First(other => other.Table == parent.Child);
        return Children(next, $"{Name(next.Via)} IN ({select})");
    }

    private string After(string? key) => key is null ? "" : $" WHERE {KeyExpression} > {key}";

    private static string Newest(TableMapping table, string condition)
    {
        var columns = string.Join(", ", table.Columns.Select(column => Name(column.Landing)));
        var key = string.Join(", ", table.Key.Select(column => Name(table.Columns[column].Landing)));
        return $"(SELECT {columns}, is_deleted, lsn, version FROM {Name(table.Landing)} WHERE {condition} ORDER BY version DESC LIMIT 1 BY {key})";
    }
}

/// <summary>Some roots of a fact, in the order of their keys.</summary>
/// <param name="Count">How many.</param>
/// <param name="Rows">Their keys as RowBinary.</param>
/// <param name="Literals">Their keys as literals, where they are few.</param>
/// <param name="Last">The last one's key as a literal; null where there is none.</param>
internal sealed record RootPage(int Count, ReadOnlyMemory<byte> Rows, IReadOnlyList<string>? Literals, string? Last);
