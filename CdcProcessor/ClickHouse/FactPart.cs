using System.Buffers;
using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>
/// One of the rows that a fact is made of, the root's or a parent's, as far as the fact names its columns: as RowBinary, from a batch or
/// from what has landed.
/// </summary>
internal sealed class FactPart
{
    /// <summary>The most that a part's columns may take for it to be kept here.</summary>
    private const int MostBytes = 4 * 1024;

    /// <summary>The longest answer that is taken, for all of a batch's keys and the versions that are not merged yet.</summary>
    private const int LongestAnswer = 4 * 1024 * 1024;

    private readonly List<Column> _columns = [];
    private readonly List<Pointer> _pointers = [];
    private readonly string _read;
    private readonly byte[] _header;

    /// <param name="fact">The fact.</param>
    /// <param name="parent">How the row is reached; null for the root.</param>
    public FactPart(FactTable fact, ParentMapping? parent = null)
    {
        Parent = parent;
        Alias = parent?.Alias ?? FactMapping.RootAlias;
        Table = fact.TableOf(Alias);
        foreach (var (place, column) in Table.Columns.Index())
        {
            if ((parent is null && column.IsKey) || fact.IsNamed(Alias, column.Landing))
                _columns.Add(new(place, column.Landing, column.Type, parent is { IsOptional: true } ? column.Type.WithNull() : null));
        }
        foreach (var next in fact.Mapping.Parents.Where(next => next.Child == Alias))
        {
            int[] places = [.. next.Columns.Select(name => Table.Columns.Index().First(column => column.Item.Landing == name).Index)];
            _pointers.Add(new(next.Alias, fact.TableOf(next.Alias), places));
        }
        var pointers = _pointers.SelectMany(pointer => pointer.Places).Select((place, i) =>
            (Name: $"pointer {i + 1}", Text: Table.Columns[place].Type.AsText(ClickHouseSql.Name(Table.Columns[place].Landing)))).ToList();
        var keys = Table.Key.Select(key => (Name: Table.Columns[key].Landing, Type: Table.Columns[key].Type.Name)).ToList();
        var columns = keys.Select(key => ClickHouseSql.Name(key.Name))
            .Concat(pointers.Select(pointer => $"CAST({pointer.Text}, 'Nullable(String)') AS {ClickHouseSql.Name(pointer.Name)}"))
            .Concat(["is_deleted", "lsn", "version"]).Concat(_columns.Select(column => ClickHouseSql.Name(column.Name)));
        _read = $"SELECT {string.Join(", ", columns)} FROM {ClickHouseSql.Name(Table.Landing)}";
        _header = RowBinary.Header([
            .. keys, .. pointers.Select(pointer => (pointer.Name, "Nullable(String)")), ("is_deleted", "UInt8"), ("lsn", "UInt64"),
            ("version", "UInt128"), .. _columns.Select(column => (column.Name, column.Type.Name))]);
        MissingRow = new(IsThere: false, Lsn: 0, Missing(), new Dictionary<string, string>());
    }

    /// <summary>The row's name in expressions.</summary>
    public string Alias { get; }

    public TableMapping Table { get; }

    /// <summary>How it is reached; null for the root.</summary>
    public ParentMapping? Parent { get; }

    /// <summary>What stands for a row that is not there.</summary>
    public PartRow MissingRow { get; }

    /// <summary>
    /// Whether its rows can be kept here. Values of two types may be equal, and their texts not; and what is JSON only an INSERT reads.
    /// </summary>
    public bool IsPossible =>
        _pointers.TrueForAll(pointer => pointer.Places.Zip(pointer.To.Key).All(pair =>
            Table.Columns[pair.First].Type.WithoutNull().Name == pointer.To.Columns[pair.Second].Type.Name))
        && !_columns.Exists(column => column.Type.HoldsJson);

    /// <summary>Names and types of its columns, as expressions name them.</summary>
    public IEnumerable<string> Structure =>
        _columns.Select(column => $"{ClickHouseSql.Name($"{Alias}.{column.Name}")} {column.Shown.Name}");

    /// <summary>A row that a batch has brought; null if it is too large, or lacks a column that points to another.</summary>
    public PartRow? Of(LandingRows batch, BroughtRow brought)
    {
        if (brought.IsDeleted && Parent is not null)
            return MissingRow with { Lsn = brought.Lsn };

        var values = _columns.ConvertAll(column => column.Valued(bytes => batch.Write(brought, column.Place, bytes)));
        if (values.Sum(value => value.Length) > MostBytes)
            return null;

        var pointers = new Dictionary<string, string>();
        foreach (var pointer in brought.IsDeleted ? [] : _pointers)
        {
            if (pointer.Places.Any(place => brought.Relation.Positions[place] < 0))
                return null;
            pointer.Add(pointers, pointer.Places.Select(place => batch.TextOf(brought, place)));
        }
        return new PartRow(!brought.IsDeleted, brought.Lsn, values, pointers);
    }

    /// <summary>
    /// The rows of an answer to <see cref="Read"/>, as <see cref="LandingRows.Format"/>; null if a column has another type by now.
    /// </summary>
    public ReadOnlyMemory<byte>? RowsOf(ReadOnlyMemory<byte> answer) =>
        answer.Span.StartsWith(_header) ? answer[_header.Length..] : default(ReadOnlyMemory<byte>?);

    /// <summary>Selects the landed rows of some keys, for <see cref="Take"/>.</summary>
    /// <param name="set">The keys, as they stand after IN.</param>
    public string Read(string set) => $"{_read} WHERE {ClickHouseSql.Tuple(Table.KeyColumns)} IN {set} " +
        $"SETTINGS max_result_bytes = {LongestAnswer}, result_overflow_mode = 'throw'";

    /// <summary>
    /// Takes a row off what <see cref="Read"/> has answered: its key as <see cref="KeyOf"/> has it, its version, and itself, null if it is
    /// too large. To ask for the newest one only takes ClickHouse longer than to send them all, and so do keys as texts.
    /// </summary>
    public (string Key, UInt128 Version, PartRow? Row) Take(ref ReadOnlyMemory<byte> rest)
    {
        var from = rest;
        foreach (var column in Table.Key)
            Table.Columns[column].Type.Skip(ref rest);
        var key = Convert.ToHexString(from[..^rest.Length].Span);

        var pointers = new Dictionary<string, string>();
        foreach (var pointer in _pointers)
        {
            var texts = new byte[]?[pointer.Places.Length];
            for (var i = 0; i < texts.Length; i++)
                texts[i] = RowBinary.ReadUInt8(ref rest) == 1 ? null : RowBinary.ReadBytes(ref rest).ToArray();
            pointer.Add(pointers, texts);
        }

        var isDeleted = RowBinary.ReadUInt8(ref rest) == 1;
        var lsn = RowBinary.ReadUInt64(ref rest);
        var version = RowBinary.ReadUInt128(ref rest);
        var values = new List<ReadOnlyMemory<byte>>(_columns.Count);
        foreach (var column in _columns)
        {
            var value = column.Type.Take(ref rest);
            values.Add(column.Valued(bytes => bytes.Write(value.Span)));
        }
        var row = isDeleted ? MissingRow with { Lsn = lsn }
            : values.Sum(value => value.Length) > MostBytes ? null : new PartRow(IsThere: true, lsn, values, pointers);
        return (key, version, row);
    }

    /// <summary>The RowBinary of a key in hexadecimal digits; what is no key of the table is none's.</summary>
    /// <param name="text">As <see cref="KeyText"/> writes it.</param>
    public string KeyOf(string text)
    {
        var key = new ArrayBufferWriter<byte>();
        foreach (var (column, value) in Table.Key.Zip(KeyText.Split(Table, text) ?? []))
        {
            if (!Table.Columns[column].Type.TryWrite(Encoding.UTF8.GetBytes(value), key))
                return "";
        }
        return Convert.ToHexString(key.WrittenSpan);
    }

    /// <summary>The place of a column's value in a row, if it has this type there.</summary>
    public int? PlaceOf(string column, ColumnType type) =>
        _columns.FindIndex(named => named.Name == column && Facts.Plain(named.Shown.Name) == Facts.Plain(type.Name)) is >= 0 and var place
            ? place : null;

    private List<ReadOnlyMemory<byte>> Missing() => _columns.ConvertAll<ReadOnlyMemory<byte>>(column =>
    {
        var bytes = new ArrayBufferWriter<byte>();
        if (column.Nullable is { } nullable)
            nullable.WriteNull(bytes);
        else
            column.Type.WriteDefault(bytes);
        return bytes.WrittenSpan.ToArray();
    });

    /// <summary>A column that the fact names.</summary>
    /// <param name="Place">Its place in the table.</param>
    /// <param name="Name">Its name in the landing table.</param>
    /// <param name="Type">Its type there.</param>
    /// <param name="Nullable">The type with NULL, where the row is optional; null for one whose default stands for that.</param>
    private sealed record Column(int Place, string Name, ColumnType Type, ColumnType? Nullable)
    {
        /// <summary>RowBinary says before each value whether it is NULL, which the landing table's type does not.</summary>
        private bool IsWrapped => Nullable is not null && !Type.TakesNull;

        /// <summary>The type that expressions see.</summary>
        public ColumnType Shown => Nullable ?? Type;

        /// <summary>A value of that type.</summary>
        /// <param name="write">Appends it as the landing table has it.</param>
        public ReadOnlyMemory<byte> Valued(Action<IBufferWriter<byte>> write)
        {
            var bytes = new ArrayBufferWriter<byte>();
            if (IsWrapped)
                RowBinary.WriteUInt8(bytes, 0);
            write(bytes);
            return bytes.WrittenSpan.ToArray();
        }
    }

    /// <summary>The columns that point to another part's row.</summary>
    private sealed record Pointer(string Alias, TableMapping To, int[] Places)
    {
        /// <summary>Adds the key to which these texts point; none if one of them is NULL.</summary>
        public void Add(Dictionary<string, string> pointers, IEnumerable<byte[]?> texts)
        {
            string[] key = [.. texts.OfType<byte[]>().Zip(To.Key, (text, column) => To.Columns[column].Type.Canonical(text))];
            if (key.Length == Places.Length)
                pointers.Add(Alias, KeyText.Join(key));
        }
    }
}

/// <summary>The newest row of a part.</summary>
/// <param name="IsThere">It is neither deleted nor missing.</param>
/// <param name="Lsn">The LSN of its last change, a deletion's too; 0 if there was none.</param>
/// <param name="Values">Its columns that the fact names, as RowBinary each.</param>
/// <param name="Pointers">The keys of the rows to which it points, as <see cref="KeyText"/> writes them, by alias.</param>
internal sealed record PartRow(
    bool IsThere, ulong Lsn, IReadOnlyList<ReadOnlyMemory<byte>> Values, IReadOnlyDictionary<string, string> Pointers);
