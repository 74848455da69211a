using System.Globalization;
using System.Numerics;
using System.Text;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;
using static AspireCdc.Star.ClickHouse.ClickHouseSql;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>The statements that derive one fact table from the landing tables.</summary>
internal sealed class FactTable
{
    private const string Root = FactMapping.RootAlias;

    private readonly Dictionary<string, TableMapping> _tables;
    private readonly Dictionary<string, ParentMapping> _parents;
    private readonly TableMapping _root;
    private readonly string _rootKey;

    /// <summary>The columns of its rows, by the expressions that are such a column and no more.</summary>
    private readonly Dictionary<string, (string Alias, string Column)> _paths;

    /// <param name="model">The model.</param>
    /// <param name="mapping">The fact, of this model or of the one before.</param>
    /// <param name="target">The table that is written.</param>
    public FactTable(StarModel model, FactMapping mapping, string target)
    {
        Mapping = mapping;
        Target = target;
        _root = model.Table(mapping.Root);
        _rootKey = Names(_root.KeyColumns);
        _parents = mapping.Parents.ToDictionary(parent => parent.Alias);
        _tables = mapping.Parents.ToDictionary(parent => parent.Alias, parent => model.Table(parent.Table));
        _tables.Add(Root, _root);
        // With quotation and without, as far as that means one column.
        _paths = (from table in _tables
                  from column in table.Value.Columns
                  from alias in (string[])[table.Key, Name(table.Key)]
                  from name in (string[])[column.Landing, Name(column.Landing)]
                  select (Path: $"{alias}.{name}", table.Key, column.Landing))
            .ToLookup(path => path.Path, path => (path.Key, path.Landing))
            .Where(path => path.Distinct().Count() == 1)
            .ToDictionary(path => path.Key, path => path.First());
    }

    public FactMapping Mapping { get; }

    /// <summary>The table that is written: the fact's, or the one beside it.</summary>
    public string Target { get; }

    /// <summary>The table whose rows are the facts.</summary>
    public TableMapping RootTable => _root;

    /// <summary>The identities of all tables that it shows.</summary>
    public IEnumerable<string> Sources => _tables.Values.Select(table => table.Source).Distinct();

    /// <summary>The table of the row that has this name in expressions.</summary>
    public TableMapping TableOf(string alias) => _tables[alias];

    /// <summary>The root's key as it stands in a condition.</summary>
    public string KeyExpression => Tuple(_root.KeyColumns);

    /// <summary>Selects the keys of the roots whose fact shows one of the changed rows, some of them more than once; null if none of this
    /// fact's parents has changed.</summary>
    public (string Sql, IReadOnlyCollection<ExternalTable> Tables)? Affected(IReadOnlyDictionary<string, KeySet> changed)
    {
        var children = new List<string>();
        var tables = new List<ExternalTable>();
        foreach (var parent in Mapping.Parents)
        {
            if (!changed.TryGetValue(parent.Table, out var keys) || keys.Count == 0)
                continue;

            var (set, table) = keys.In($"changed_{children.Count + 1}");
            children.Add(Children(parent, $"{Tuple(parent.Columns)} IN {set}"));
            if (table is not null)
                tables.Add(table);
        }
        return children.Count == 0 ? null : (string.Join(" UNION ALL ", children), tables);
    }

    /// <summary>
    /// Reads, as RowBinary, the next <paramref name="limit"/> roots among <paramref name="keys"/> after <paramref name="after"/>: for each
    /// column of the key the text of the last root's and an array of the first few roots' texts; then the array of
    /// all keys. See <see cref="ReadPage"/>.
    /// </summary>
    /// <param name="keys">Selects keys, some of them more than once.</param>
    /// <param name="after">The last one of the page before, as a literal.</param>
    /// <param name="limit">How many.</param>
    /// <param name="except">The set of those that are left out; null for none.</param>
    public string Page(string keys, string? after, int limit, string? except = null)
    {
        var texts = Enumerable.Range(1, _root.Key.Count).Select(column =>
            $"{Text(column, $"roots[-1].{column}")}, arrayMap(root -> {Text(column, $"root.{column}")}, few)");
        var without = except is null ? "" : $" AND {KeyExpression} NOT IN {except}";
        return $"""
            WITH groupArray(tuple({_rootKey})) AS roots, arraySlice(roots, 1, {KeySet.Few}) AS few
            SELECT {string.Join(", ", texts)}, roots
            FROM (SELECT DISTINCT {_rootKey} FROM ({keys}) WHERE {After(after)}{without} ORDER BY {_rootKey} LIMIT {limit})
            """;

        string Text(int column, string value) => _root.Columns[_root.Key[column - 1]].Type.AsText(value);
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
        var literals = count > few[0].Length
            ? null
            : Enumerable.Range(0, count).Select(i => _root.KeyLiteral([.. few.Select(texts => texts[i])])).ToArray();
        return new RootPage(count, rest, literals, count == 0 ? null : _root.KeyLiteral(last));
    }

    /// <summary>Reads the key columns of the last of the next <paramref name="limit"/> roots after
    /// <paramref name="after"/>, and how many they are.</summary>
    public string LastOfPage(string? after, int limit) =>
        $"""
        WITH max(tuple({_rootKey})) AS last
        SELECT {string.Join(", ", _root.Key.Select((column, i) => _root.Columns[column].Type.AsText($"last.{i + 1}")))}, count()
        FROM (SELECT DISTINCT {_rootKey} FROM {Name(_root.Landing)} WHERE {After(after)} ORDER BY {_rootKey} LIMIT {limit})
        """;

    /// <summary>
    /// The condition for the roots that a batch has brought. It is no condition of their keys: ClickHouse keeps the least and the greatest
    /// version of each part that it has merged, and reads of the others no more than this column. Copied rows may lie between; their
    /// marker derives them. They are told by the record's half of the version, which none of them has (<c>Lsn.CopyVersion</c>).
    /// </summary>
    public static string Brought(VersionRange versions) =>
        $"version BETWEEN {Literal(versions.First)} AND {Literal(versions.Last)} AND toUInt64(version) != 0";

    /// <summary>Leaves out of some keys those of the roots that a batch has brought.</summary>
    public string NotBrought(string keys, VersionRange versions) =>
        $"SELECT {_rootKey} FROM ({keys}) EXCEPT DISTINCT SELECT {_rootKey} FROM {Name(_root.Landing)} WHERE {Brought(versions)}";

    /// <summary>The condition for the roots after one and up to another, which <see cref="LastOfPage"/> has found.</summary>
    public string Between(string? after, string last) =>
        $"{(after is null ? "" : $"{KeyExpression} > {after} AND ")}{KeyExpression} <= {last}";

    /// <summary>
    /// Derives the facts of some roots. What they point to is read from the newest landing rows. A root that is deleted, or that lacks one
    /// of its required parents, becomes a tombstone: without that row a fact would never disappear. Of each key the newest of the chosen
    /// rows counts; no key is there twice, so ClickHouse need not look for that.
    /// </summary>
    /// <param name="condition">Chooses the roots by their key.</param>
    /// <param name="position">The position of the one ordered reader's batch; null where several readers fill the tables.</param>
    public string Derive(string condition, UInt128? position) => Insert(Mapping.Columns, Select(condition, position, isNamed: false));

    /// <summary>The same for the roots that a batch has <see cref="Brought"/>. The statement reads its tables several times, and a merge in
    /// between could take a row out of the range, so all of it sees one state of them.</summary>
    /// <param name="versions">The versions of its rows.</param>
    /// <param name="position">Its position.</param>
    /// <param name="isReadWhole">Parents of which all rows are read, and not those alone to which the roots point: where there are few, to
    /// look for them costs more.</param>
    public string DeriveBrought(VersionRange versions, UInt128 position, Func<TableMapping, bool> isReadWhole) =>
        Insert(Mapping.Columns, Select(Brought(versions), position, isNamed: false, isReadWhole),
            "enable_shared_storage_snapshot_in_query = 1");

    /// <summary>Writes facts of which all rows are at hand.</summary>
    /// <param name="rows">
    /// A table of theirs: the columns of all parts, under the names that expressions have for them, and <c>lsn</c>.
    /// </param>
    /// <param name="position">The position of the one ordered reader's batch.</param>
    public string Put(string rows, UInt128 position) => Insert(Mapping.Columns, Finished(Mapping.Columns, isDeleted: 0, rows, position));

    /// <summary>Takes finished rows, as <see cref="LandingRows.Format"/> behind <see cref="Header"/>.</summary>
    public string InsertFinished =>
        $"INSERT INTO {Name(Target)} ({Names(Mapping.Columns.Select(column => column.Name).Concat(SystemColumns.Fact))}) " +
        "SETTINGS optimize_on_insert = 0";

    /// <summary>What goes before them.</summary>
    public byte[] Header() => RowBinary.Header(
        [.. Mapping.Columns.Select(column => (column.Name, column.Type.Name)), .. SystemColumns.Fact.Zip(SystemColumns.FactTypes)]);

    /// <summary>Writes the tombstones of facts that do not show; see <see cref="Put"/>.</summary>
    public string Bury(string rows, UInt128 position) => Insert(Mapping.Key, Finished(Mapping.Key, isDeleted: 1, rows, position));

    /// <summary>Asks ClickHouse for the names and types of what <see cref="Put"/> selects.</summary>
    public string DescribePut(string rows) => $"DESCRIBE TABLE ({Finished(Mapping.Columns, isDeleted: 0, rows, position: 0)})";

    /// <summary>Asks ClickHouse for the names and types of what <see cref="Derive"/> selects.</summary>
    public string Describe => $"DESCRIBE TABLE ({Select("0", position: null, isNamed: false)})";

    /// <summary>Selects what <see cref="Derive"/> would write, under the fact's own names.</summary>
    public string Select(string condition)
    {
        var columns = Mapping.Columns.Select((column, i) => $"{Derived(i)} AS {Name(column.Name)}")
            .Append($"{Derived(Mapping.Columns.Count)} AS is_deleted");
        return $"SELECT {string.Join(", ", columns)} FROM ({Select(condition, position: null, isNamed: true)})";
    }

    /// <summary>The column that an expression is and no more, and the row's name; null if it computes something.</summary>
    public (string Alias, string Column)? ColumnOf(string expression) => _paths.TryGetValue(expression, out var path) ? path : null;

    /// <summary>Whether an expression or a foreign key may name it; better one too many.</summary>
    public bool IsNamed(string alias, string column) =>
        Mapping.Columns.Any(fact =>
            fact.Expression.Contains(column, StringComparison.Ordinal) || fact.Expression.Contains(Name(column), StringComparison.Ordinal))
        || Mapping.Parents.Any(parent => parent.Child == alias && parent.Columns.Contains(column));

    private string Insert(IEnumerable<FactColumn> columns, string rows, params IEnumerable<string> settings) =>
        $"""
        INSERT INTO {Name(Target)} ({Names(columns.Select(column => column.Name))}, is_deleted, lsn, version)
        {rows}
        SETTINGS {string.Join(", ", settings.Prepend("optimize_on_insert = 0"))}
        """;

    private string Finished(IEnumerable<FactColumn> columns, byte isDeleted, string rows, UInt128 position) =>
        $"SELECT {string.Join(", ", columns.Select(column => column.Expression))}, toUInt8({isDeleted}), lsn, {Version(position)} " +
        $"FROM {rows}";

    private string Select(string condition, UInt128? position, bool isNamed, Func<TableMapping, bool>? isReadWhole = null)
    {
        var roots = $"{Name(_root.Landing)} WHERE {condition}";
        var joins = new StringBuilder();
        var shown = new StringBuilder($"{Root}.is_deleted = 0");
        foreach (var parent in Mapping.Parents)
        {
            var table = _tables[parent.Alias];
            var name = Name(parent.Alias);
            var referred = isReadWhole?.Invoke(table) == true ? Name(table.Landing) : ReferredBy(parent, roots);
            var rows = Newest(parent.Alias, table, referred, parent.IsOptional);
            var on = table.KeyColumns.Zip(parent.Columns, (key, column) =>
                $"{name}.{Name(parent.IsOptional ? JoinKey(key) : key)} = {Name(parent.Child)}.{Name(column)}");
            joins.Append(CultureInfo.InvariantCulture, $"\nLEFT JOIN {rows} AS {name} ON {string.Join(" AND ", on)}");
            if (!parent.IsOptional)
                shown.Append(CultureInfo.InvariantCulture, $" AND {name}.version != 0 AND {name}.is_deleted = 0");
        }

        var values = Mapping.Columns.Select(column => IsColumn(column.Expression)
            ? column.Expression
            : $"if(shown, {column.Expression}, defaultValueOfArgumentType({column.Expression}))");
        string[] selected = [.. values.Append("NOT shown").Select((value, i) => isNamed ? $"{value} AS {Derived(i)}" : value)];
        var lsn = Mapping.Parents.Select(parent => Name(parent.Alias) + ".lsn").Prepend(Root + ".lsn").ToList();
        return $"""
            WITH {shown} AS shown
            SELECT {string.Join(",\n    ", selected)},
                {(lsn.Count == 1 ? lsn[0] : $"greatest({string.Join(", ", lsn)})")}, {Version(position)}
            FROM {Newest(Root, _root, roots, isOptional: false)} AS {Root}{joins}
            """;
    }

    /// <summary>See <see cref="PartVersions"/>.</summary>
    private string Version(UInt128? position)
    {
        if (position is { } known)
            return $"toUInt256('{known.ToString(CultureInfo.InvariantCulture)}')";

        var levels = PartVersions.LevelsOf(Mapping);
        var bits = PartVersions.BitsOf(Mapping);
        return string.Join(" + ", levels.Select((level, i) =>
            $"({string.Join(" + ", level.Select(alias => $"toUInt256({Name(alias)}.version)"))}) * " +
            $"toUInt256('{BigInteger.One << (bits * (levels.Count - 1 - i))}')"));
    }

    /// <summary>The landed rows of a parent to which the chosen roots point, now or in an older row.</summary>
    private string ReferredBy(ParentMapping parent, string roots)
    {
        var table = _tables[parent.Alias];
        var children = parent.Child == Root ? roots : ReferredBy(_parents[parent.Child], roots);
        return $"{Name(table.Landing)} WHERE {Tuple(table.KeyColumns)} IN (SELECT {Names(parent.Columns)} FROM {children})";
    }

    /// <summary>The keys of the roots under the rows of a parent that the condition chooses.</summary>
    private string Children(ParentMapping parent, string condition)
    {
        var select = $"SELECT {Names(_tables[parent.Child].KeyColumns)} FROM {Name(parent.Companion)} WHERE {condition}";
        if (parent.Child == Root)
            return select;

        var next = _parents[parent.Child];
        return Children(next, $"{Tuple(next.Columns)} IN ({select})");
    }

    private static string Literal(UInt128 version) => $"toUInt128('{version.ToString(CultureInfo.InvariantCulture)}')";

    private string After(string? key) => key is null ? "1" : $"{KeyExpression} > {key}";

    /// <summary>The newest rows, with those of their columns that the fact names. What belongs to an optional row that is deleted is NULL,
    /// as it is where there is no row.</summary>
    private string Newest(string alias, TableMapping table, string rows, bool isOptional)
    {
        string[] columns = [.. table.Columns.Select(column => column.Landing)
            .Where(column => IsNamed(alias, column) || table.KeyColumns.Contains(column))];
        // Landing tables are sorted by their key.
        var key = Names(table.KeyColumns);
        var order = $"ORDER BY {key}, version DESC LIMIT 1 BY {key}";
        var newest = $"(SELECT {Names(columns)}, is_deleted, lsn, version FROM {rows} {order})";
        if (!isOptional)
            return newest;

        // Behind the alias, since a column's own name would mean what is selected under it.
        var values = table.Columns.Where(column => columns.Contains(column.Landing))
            .Select(column => column.Type.TakesNull || column.Type.NullIsDefault
                ? $"newest.{Name(column.Landing)} AS {Name(column.Landing)}"
                : $"if(newest.is_deleted = 1, NULL, newest.{Name(column.Landing)}) AS {Name(column.Landing)}")
            .Concat(table.KeyColumns.Select(key => $"newest.{Name(key)} AS {Name(JoinKey(key))}"));
        return $"(SELECT {string.Join(", ", values)}, newest.is_deleted AS is_deleted, newest.lsn AS lsn, newest.version AS version " +
            $"FROM {newest} AS newest)";
    }

    /// <summary>
    /// Whether it is a row's column and no more. Such a value needs no condition, which costs a lone fact more than all else: it is there
    /// whether the fact shows or not, and nobody sees a tombstone's. What is computed may fail of what a row that is gone has left.
    /// </summary>
    private bool IsColumn(string expression) => ColumnOf(expression) is not null;

    /// <summary>What no expression can mean.</summary>
    private static string Derived(int column) => Name($"derived {column + 1}");

    /// <summary>An optional row's key is NULL once it is deleted, and is joined by all the same: its version counts.</summary>
    private static string JoinKey(string key) => "join " + key;
}

/// <summary>Some roots of a fact, in the order of their keys.</summary>
/// <param name="Count">How many.</param>
/// <param name="Rows">Their keys as RowBinary.</param>
/// <param name="Literals">Their keys as literals, where they are few.</param>
/// <param name="Last">The last one's key as a literal; null where there is none.</param>
internal sealed record RootPage(int Count, ReadOnlyMemory<byte> Rows, IReadOnlyList<string>? Literals, string? Last);
