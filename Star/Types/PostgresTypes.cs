using System.Buffers;
using System.Globalization;
using System.Text;

namespace AspireCdc.Star.Types;

/// <summary>What kind of type a column has in PostgreSQL. A domain is what its base is.</summary>
internal enum PostgresKind
{
    /// <summary>One of PostgreSQL's own or of an extension's, or an array.</summary>
    Base,

    /// <summary><c>CREATE TYPE … AS ENUM</c>.</summary>
    Enum,

    /// <summary><c>CREATE TYPE … AS (…)</c>, or a table's row.</summary>
    Composite,

    /// <summary>A range or a multirange.</summary>
    Range,
}

/// <summary>A column's type in PostgreSQL.</summary>
/// <param name="Text">Its name and modifier as <c>format_type</c> writes them: <c>numeric(12,2)</c>, <c>character(8)[]</c>; of a domain,
/// its base's.</param>
/// <param name="Kind">What it is; of an array, what its elements are.</param>
internal sealed record PostgresType(string Text, PostgresKind Kind = PostgresKind.Base);

/// <summary>The type in ClickHouse, or why there is none.</summary>
/// <param name="Type">The type; null where there is none.</param>
/// <param name="Refusal">Reason and cure, as a sentence without subject and full stop (<c>has no …: say …</c>); null where there is a
/// type.</param>
internal sealed record TypeChoice(ColumnType? Type, string? Refusal);

/// <summary>Which type of ClickHouse's a column gets: the table of <c>docs/types.md</c>.</summary>
internal static class PostgresTypes
{
    private const int MostDigits = 76;

    /// <summary>The type for a column.</summary>
    /// <param name="type">Its type in PostgreSQL.</param>
    /// <param name="isNullable">It may hold NULL.</param>
    /// <param name="isCategory">Few values repeat: text becomes <c>LowCardinality</c>.</param>
    /// <param name="asked">The type that the definition asks for, as ClickHouse writes it; null for the default.</param>
    public static TypeChoice For(PostgresType type, bool isNullable, bool isCategory, string? asked)
    {
        if (asked is not null)
            return Asked(type, isNullable, asked);

        var element = ElementOf(type.Text);
        var known = DefaultOf(element ?? type.Text, type.Kind);
        if (known.Name is not { } name)
            return new TypeChoice(null, known.Refusal);
        if (element is not null)
            return isCategory ? NoText(type) : ArrayOf(name);

        if (isCategory && name == "String" && type.Text != BytesType.Postgres)
            name = "LowCardinality(String)";
        if (isCategory && name != "LowCardinality(String)")
            return NoText(type);
        return Choice(Parse(name), isNullable);
    }

    /// <summary>
    /// A value that PostgreSQL has not rewritten lands alike whichever of two types it has: they are one but for the modifier, or mapped to
    /// the same.
    /// </summary>
    /// <param name="one">A type as <c>format_type</c> writes it.</param>
    /// <param name="other">Another.</param>
    public static bool LandAlike(string one, string other)
    {
        var (first, second) = (ElementOf(one), ElementOf(other));
        if (first is null != second is null || (one == BytesType.Postgres) != (other == BytesType.Postgres))
            return false;
        return Split(first ?? one).Name == Split(second ?? other).Name
            || (DefaultOf(first ?? one, PostgresKind.Base).Name is { } name && name == DefaultOf(second ?? other, PostgresKind.Base).Name);
    }

    private static TypeChoice Asked(PostgresType type, bool isNullable, string asked)
    {
        if (!ColumnType.TryParse(asked, out var wanted))
            return Refused($"is to be '{asked}', and that is no type that values can be written to: docs/types.md has those that are");

        // A type that takes no value of the column's would make a dead letter of every row.
        if (SampleOf(type) is { } sample && !wanted.For(type.Text).TryWrite(Encoding.UTF8.GetBytes(sample), new ArrayBufferWriter<byte>()))
            return Refused(
                $"is {type.Text} in PostgreSQL, and {wanted} cannot hold a value such as '{sample}': ask for " +
                "String, or for another type of docs/types.md");
        return Choice(wanted, isNullable);
    }

    /// <summary>An array or a map has no NULL of its own in ClickHouse: it is empty.</summary>
    private static TypeChoice Choice(ColumnType type, bool isNullable) => new(isNullable ? type.WithNull() ?? type : type, null);

    /// <summary>Elements may be NULL, whatever the column says. A map can be none: an array of them keeps its elements' text.</summary>
    private static TypeChoice ArrayOf(string element) =>
        new(new ArrayType(Parse(element).WithNull() ?? ColumnType.Nullable(ColumnType.String)), null);

    private static ColumnType Parse(string name) =>
        ColumnType.TryParse(name, out var type) ? type : throw new InvalidOperationException($"There is no type {name}.");

    private static TypeChoice Refused(string why) => new(null, why);

    private static TypeChoice NoText(PostgresType type) =>
        new(null, $"is {type.Text}, and only text can be a category: take [Category] away, or ask for a type with [ClickHouseType]");

    private static (string? Name, string? Refusal) DefaultOf(string text, PostgresKind kind)
    {
        if (kind == PostgresKind.Enum)
            return ("LowCardinality(String)", null);
        if (kind is PostgresKind.Composite or PostgresKind.Range)
            return ("String", null);

        var (name, modifier) = Split(text);
        return name switch
        {
            "boolean" => ("Bool", null),
            "smallint" => ("Int16", null),
            "integer" => ("Int32", null),
            "bigint" => ("Int64", null),
            "oid" or "xid" or "cid" => ("UInt32", null),
            "xid8" => ("UInt64", null),
            "real" => ("Float32", null),
            "double precision" => ("Float64", null),
            "numeric" => DecimalOf(modifier),
            "uuid" => ("UUID", null),
            "date" => ("Date32", null),
            "timestamp with time zone" or "timestamp without time zone" => ("DateTime64(6, 'UTC')", null),
            "time without time zone" => ("Time64(6)", null),
            "hstore" => ("Map(String, Nullable(String))", null),
            "tsvector" or "tsquery" =>
                (null, $"is {name}, a search index of other columns: it is left out; ask for String if its text is wanted"),
            _ => ("String", null),
        };
    }

    private static (string? Name, string? Refusal) DecimalOf(string? modifier)
    {
        if (modifier?.Split(',') is not [var p, var s])
        {
            return (null, "is numeric without limits: say how many digits it has ([Precision(38, 10)], or numeric(38,10) in PostgreSQL), "
                + "or ask for String, which is exact");
        }


        var precision = int.Parse(p, NumberStyles.Integer, CultureInfo.InvariantCulture);
        var scale = int.Parse(s, NumberStyles.Integer, CultureInfo.InvariantCulture);
        // numeric(3,-2) holds hundreds up to 99900, numeric(2,4) hundredths of a percent up to 0.0099.
        var digits = scale < 0 ? precision - scale : Math.Max(precision, scale);
        return digits <= MostDigits
            ? ($"Decimal({digits}, {Math.Max(scale, 0)})", null)
            : (null, $"is numeric({p},{s}), and ClickHouse's Decimal holds {MostDigits} digits: ask for String, which is exact, "
                + "or for a Decimal of fewer digits, which refuses what is longer");
    }

    /// <summary>A value that a column of this type may hold; null where any text may stand there.</summary>
    private static string? SampleOf(PostgresType type)
    {
        if (type.Kind is not PostgresKind.Base)
            return null;
        if (ElementOf(type.Text) is { } element)
            return SampleOf(new PostgresType(element)) is { } sample ? $"{{{sample}}}" : "{}";

        return Split(type.Text).Name switch
        {
            "boolean" => "t",
            "smallint" or "integer" or "bigint" or "oid" or "xid" or "xid8" => "1",
            "real" or "double precision" => "0.5",
            "numeric" => "1",
            "uuid" => "0188c2f0-aa11-7bcd-8eee-0123456789ab",
            "date" => "2026-01-02",
            "timestamp with time zone" => "2026-01-02 03:04:05+00",
            "timestamp without time zone" => "2026-01-02 03:04:05",
            "time without time zone" => "03:04:05",
            "time with time zone" => "03:04:05+00",
            "interval" => "1 day",
            "inet" or "cidr" => "10.0.0.0/8",
            "macaddr" => "08:00:2b:01:02:03",
            "hstore" => "\"a\"=>\"b\"",
            _ => null,
        };
    }

    private static string? ElementOf(string text) => text.EndsWith("[]", StringComparison.Ordinal) ? text[..^2] : null;

    /// <summary>
    /// A name without its modifier, and without the schema that <c>format_type</c> writes where the search path does not have it.
    /// </summary>
    private static (string Name, string? Modifier) Split(string text)
    {
        string? modifier = null;
        var open = text.IndexOf('(');
        if (open >= 0 && text.IndexOf(')', open) is > 0 and var close)
        {
            modifier = text[(open + 1)..close];
            text = text[..open] + text[(close + 1)..];
        }
        return (text[(text.LastIndexOf('.') + 1)..], modifier);
    }
}
