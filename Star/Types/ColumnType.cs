using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Star.Types;

/// <summary>A ClickHouse type: its name, and how a value's text becomes RowBinary, exactly or not at all.</summary>
internal abstract class ColumnType(string name)
{
    public static ColumnType Boolean { get; } = new BooleanType();

    public static ColumnType Int16 { get; } = new IntegerType<short>("Int16");

    public static ColumnType Int32 { get; } = new IntegerType<int>("Int32");

    public static ColumnType Int64 { get; } = new IntegerType<long>("Int64");

    public static ColumnType Float64 { get; } = new FloatType();

    public static ColumnType String { get; } = new StringType("String");

    /// <summary>Short text of which few values repeat.</summary>
    public static ColumnType Category { get; } = new StringType("LowCardinality(String)");

    public static ColumnType Uuid { get; } = new UuidType();

    public static ColumnType Date { get; } = new DateType();

    /// <summary>A <c>timestamptz</c>, to the microsecond.</summary>
    public static ColumnType Timestamp { get; } = new TimestampType();

    /// <summary>As ClickHouse writes it (<c>system.columns.type</c>).</summary>
    public string Name { get; } = name;

    public virtual bool TakesNull => false;

    public static ColumnType Decimal(int precision, int scale) => new DecimalType(precision, scale);

    public static ColumnType Nullable(ColumnType type) => new NullableType(type);

    /// <summary>The type of this name (<see cref="Name"/>); false if there is none, or values cannot be written to it.</summary>
    public static bool TryParse(string name, [NotNullWhen(true)] out ColumnType? type) => ColumnTypeParser.TryParse(name, out type);

    /// <summary>Appends the value. False, with nothing appended, if the type cannot hold it.</summary>
    public abstract bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output);

    /// <summary>Appends NULL; only where <see cref="TakesNull"/>.</summary>
    public virtual void WriteNull(IBufferWriter<byte> output) => throw new InvalidOperationException($"{Name} takes no NULL.");

    /// <summary>Appends the type's default, as tombstones hold it.</summary>
    public abstract void WriteDefault(IBufferWriter<byte> output);

    /// <summary>The value as a literal of ClickHouse's SQL; <paramref name="text"/> is one that <see cref="TryWrite"/> takes, or ClickHouse's own.</summary>
    public virtual string Literal(ReadOnlySpan<byte> text) => $"CAST({ClickHouseSql.Quote(Encoding.UTF8.GetString(text))}, {ClickHouseSql.Quote(Name)})";

    public override string ToString() => Name;
}
