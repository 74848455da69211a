using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Star.Types;

/// <summary>
/// A ClickHouse type: its name, and how a value's text becomes RowBinary, exactly or not at all. The text is PostgreSQL's under the
/// pinned settings of the session, or JSON's (what a
/// message holds that another program wrote), or what <see cref="AsText"/> selects from ClickHouse. Texts of equal values give equal bytes.
/// </summary>
internal abstract class ColumnType
{
    private readonly Lazy<int> _width;

    protected ColumnType(string name)
    {
        Name = name;
        _width = new(() =>
        {
            var value = new ArrayBufferWriter<byte>();
            WriteDefault(value);
            return value.WrittenCount;
        });
    }

    public static ColumnType Boolean { get; } = new BooleanType();

    public static ColumnType Int16 { get; } = new IntegerType<short>("Int16");

    public static ColumnType Int32 { get; } = new IntegerType<int>("Int32");

    public static ColumnType Int64 { get; } = new IntegerType<long>("Int64");

    public static ColumnType Float64 { get; } = new Float64Type();

    public static ColumnType String { get; } = new StringType("String");

    /// <summary>Short text of which few values repeat.</summary>
    public static ColumnType Category { get; } = new StringType("LowCardinality(String)");

    public static ColumnType Uuid { get; } = new UuidType();

    public static ColumnType Date { get; } = new DateType(DateRange.Widest);

    /// <summary>A <c>timestamptz</c>, to the microsecond.</summary>
    public static ColumnType Timestamp { get; } = new TimestampType(DateRange.Widest);

    /// <summary>As ClickHouse writes it (<c>system.columns.type</c>).</summary>
    public string Name { get; }

    /// <summary>NULL is one of its values.</summary>
    public virtual bool TakesNull => false;

    /// <summary>JSON is part of it: its values travel as their texts, which only an INSERT reads.</summary>
    public bool HoldsJson => Name.Contains("JSON", StringComparison.Ordinal);

    /// <summary>NULL lands as its default: an array or a map is empty then.</summary>
    public virtual bool NullIsDefault => false;

    public static ColumnType Decimal(int precision, int scale) =>
        precision <= DecimalType.MostDigits ? new DecimalType(precision, scale) : new WideDecimalType(precision, scale);

    public static ColumnType Nullable(ColumnType type) => new NullableType($"Nullable({type.Name})", type);

    /// <summary>The type of this name (<see cref="Name"/>); false if there is none, or values cannot be written to it.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out ColumnType? type) => ColumnTypeParser.TryParse(name, out type);

    /// <summary>
    /// The same type for the values of a column of PostgreSQL's: bytes and text are both String, and are written otherwise.
    /// </summary>
    /// <param name="postgres">The column's type as <c>format_type</c> writes it.</param>
    public virtual ColumnType For(string postgres) => this;

    /// <summary>The same type on a server that holds fewer years.</summary>
    public virtual ColumnType Within(DateRange range) => this;

    /// <summary>Appends the value. False if the type cannot hold it; what was appended then is to be taken back.</summary>
    public abstract bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output);

    /// <summary>Appends NULL; only where <see cref="TakesNull"/> or <see cref="NullIsDefault"/>.</summary>
    public virtual void WriteNull(IBufferWriter<byte> output) => throw new InvalidOperationException($"{Name} takes no NULL.");

    /// <summary>Appends the type's default, as tombstones hold it.</summary>
    public abstract void WriteDefault(IBufferWriter<byte> output);

    /// <summary>
    /// The one text of a value, whichever of its texts came: two keys are one if these are equal. It is taken by <see cref="TryWrite"/>.
    /// A text that the type cannot hold stays as it is.
    /// </summary>
    public virtual string Canonical(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text);

    /// <summary>The value as a literal of ClickHouse's SQL.</summary>
    /// <param name="text">A text that <see cref="TryWrite"/> takes.</param>
    public virtual string Literal(ReadOnlySpan<byte> text) => $"CAST({ClickHouseSql.Quote(Canonical(text))}, {ClickHouseSql.Quote(Name)})";

    /// <summary>An expression of ClickHouse's SQL for the text of a value, one that <see cref="TryWrite"/> takes; NULL of NULL.</summary>
    /// <param name="expression">The value.</param>
    public virtual string AsText(string expression) => $"toString({expression})";

    /// <summary>A value as RowBinary, which is taken off what ClickHouse has answered.</summary>
    public ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> rest)
    {
        var from = rest;
        Skip(ref rest);
        return from[..^rest.Length];
    }

    /// <summary>Leaves a value out. All values of a type take as many bytes as its default, unless it says otherwise.</summary>
    public virtual void Skip(ref ReadOnlyMemory<byte> rest) => rest = rest[_width.Value..];

    public override string ToString() => Name;
}
