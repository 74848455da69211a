using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace AspireCdc.Tests.Types;

/// <summary>
/// One type of PostgreSQL's: random values of it, and how both databases say what they hold, in a text that neither rounds nor trims.
/// </summary>
/// <param name="Type">The type, as a column's definition has it.</param>
/// <param name="Values">Random values, as PostgreSQL reads them.</param>
/// <param name="Postgres">What PostgreSQL holds, as an expression over one for the value.</param>
/// <param name="ClickHouse">The same of ClickHouse.</param>
/// <param name="IsLong">Values may be stored out of line, and are then left out of an update.</param>
/// <param name="HasArrays">Arrays of it are tried, too.</param>
internal sealed record TypeCase(
    string Type, Gen<string> Values, Func<string, string> Postgres, Func<string, string> ClickHouse, bool IsLong = true,
    bool HasArrays = true)
{
    /// <summary>What the types and extensions of the cases need.</summary>
    public const string Preparation =
        """
        CREATE EXTENSION hstore; CREATE EXTENSION citext;
        CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy, "very"');
        CREATE TYPE pair AS (amount numeric(7,2), reason text);
        CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);
        """;

    public static IReadOnlyList<TypeCase> All { get; } =
    [
        Number("boolean", Gen.Elements("true", "false")),
        Number("smallint", Integers(short.MinValue, short.MaxValue)),
        Number("integer", Integers(int.MinValue, int.MaxValue)),
        Number("year", Integers(1901, 2155)),
        Number("bigint", Gen.OneOf(Integers(long.MinValue, long.MaxValue), Integers(-100, 100))),
        Number("oid", Integers(0, uint.MaxValue)),
        new("real", Floats(bits => BitConverter.Int32BitsToSingle((int)bits).ToString("R", CultureInfo.InvariantCulture)),
            x => $"encode(float4send({x}), 'hex')", x => $"leftPad(lower(hex(reinterpretAsUInt32({x}))), 8, '0')", IsLong: false),
        new("double precision", Floats(bits => BitConverter.Int64BitsToDouble(bits).ToString("R", CultureInfo.InvariantCulture)),
            x => $"encode(float8send({x}), 'hex')", x => $"leftPad(lower(hex(reinterpretAsUInt64({x}))), 16, '0')", IsLong: false),
        Numeric(9, 2),
        Numeric(12, 2),
        Numeric(18, 18),
        Numeric(38, 10),
        Numeric(60, 10),
        Numeric(76, 0),
        Numeric(76, 76),
        Numeric("numeric(4,-2)", Integers(-9999, 9999).Select(number => number + "00")),
        Numeric("numeric(2,4)", Integers(-99, 99).Select(number => number + "e-4")),
        Text("text", Texts(4000)),
        Text("character varying(40)", Texts(40)),
        Text("citext", Texts(300)),
        Text("character(8)", Texts(8)),
        Text("name", Texts(15)) with { IsLong = false },
        Text("\"char\"", Gen.Elements("", "a", "'", "\\", ",", "\"")) with { IsLong = false },
        Text("mood", Gen.Elements("sad", "it's ok", "happy, \"very\"")) with { IsLong = false },
        new("uuid", Bytes(16, 16).Select(bytes => new Guid(bytes).ToString()), x => $"{x}::text", x => $"toString({x})", IsLong: false),
        new("date", Gen.OneOf(Days.Select(Date), Infinities, Gen.Elements("0001-01-01 BC", "0001-12-31 BC", "0001-01-01", "9999-12-31")),
            x => $"CASE {x} WHEN 'infinity' THEN 2932896 WHEN '-infinity' THEN -719528 ELSE {x} - date '1970-01-01' END::text", x =>
                $"toString(toInt32({x}))", IsLong: false),
        Moment("timestamp with time zone", Gen.Elements("+00", "+05:30", "-11", "+14")),
        Moment("timestamp without time zone", Gen.Constant("")),
        Moment("timestamp(3) with time zone", Gen.Constant("Z")),
        new("time without time zone", Gen.OneOf(TimesOfDay, Gen.Elements("00:00:00", "24:00:00", "23:59:59.999999")),
            x => $"to_char({x}::interval, 'HH24:MI:SS.US')", x => $"toString({x})", IsLong: false),
        Text("time with time zone", TimesOfDay.Zip(Gen.Elements("+00", "-08:30"), (time, zone) => time + zone)) with { IsLong = false },
        Text("interval", Integers(-5000, 5000).Zip(TimesOfDay, (days, time) => $"{days} days {time}")) with { IsLong = false },
        new("bytea", Bytes(0, 3000).Select(bytes => "\\x" + Convert.ToHexString(bytes)), x => $"encode({x}, 'hex')", x =>
            $"lower(hex({x}))"),
        Text("json", Jsons),
        Text("jsonb", Jsons),
        new("hstore", Texts(40).Zip(Gen.OneOf(Texts(2000), Gen.Constant<string>(null!))).ListOf().Select(Hstore),
            x => "(SELECT string_agg(encode(convert_to(key, 'UTF8'), 'hex') || '=' || coalesce(encode(convert_to(value, 'UTF8'), " +
                $"'hex'), 'NULL'), ',' ORDER BY key COLLATE \"C\") FROM each({x}))",
            x => "arrayStringConcat(arrayMap(pair -> concat(lower(hex(pair.1)), '=', coalesce(lower(hex(pair.2)), 'NULL')), " +
                $"arraySort(pair -> pair.1, CAST({x}, 'Array(Tuple(String, Nullable(String)))'))), ',')",
            HasArrays: false),
        Text("inet", Bytes(4, 4).Zip(Gen.Choose(0, 32), (bytes, bits) => $"{string.Join('.', bytes)}/{bits}")) with { IsLong = false },
        Text("macaddr", Bytes(6, 6).Select(bytes =>
            string.Join(':', bytes.Select(part => part.ToString("x2", CultureInfo.InvariantCulture))))) with { IsLong = false },
        Text("bit(8)", Bytes(1, 1).Select(bytes => Convert.ToString(bytes[0], 2).PadLeft(8, '0'))) with { IsLong = false },
        Text("bit varying", Bytes(0, 30).Select(bytes => string.Concat(bytes.Select(part => Convert.ToString(part, 2))))),
        Text("money", Integers(-1_000_000_000, 1_000_000_000).Select(cents => $"{cents}.5")) with { IsLong = false },
        Text("int4range", Integers(-100, 0).Zip(Integers(1, 100), (low, high) => $"[{low},{high}]")),
        Text("pair", Gen.Elements("", "0", "99.5")
            .Zip(Texts(300), (amount, reason) => $"({amount},\"{reason.Replace("\\", "\\\\").Replace("\"", "\\\"")}\")")),
        Text("point", Integers(-9, 9).Zip(Integers(-9, 9), (x, y) => $"({x},{y}.5)")) with { IsLong = false },
    ];

    private static Gen<string> Infinities => Gen.Elements("infinity", "-infinity");

    private static Gen<int> Days => Gen.Choose(0, 3_652_058 - 800).Select(day => day + 400);

    private static Gen<string> TimesOfDay => Gen.Choose(0, 86_399).Zip(
        Gen.OneOf(Gen.Constant(0), Gen.Choose(0, 999_999)),
        (seconds, fraction) => TimeSpan.FromSeconds(seconds).Add(TimeSpan.FromMicroseconds(fraction))
            .ToString("hh\\:mm\\:ss\\.ffffff", CultureInfo.InvariantCulture));

    private static Gen<string> Jsons => Gen.OneOf(
        Texts(3000)
            .Select(text => $$"""{"a" : {{System.Text.Json.JsonSerializer.Serialize(text)}}, "b": [1.50, 1e2, null, {"c": true}]}"""),
        Gen.Elements("null", "\"text\"", "12345678901234567890.0100", "[]", "{}"));

    /// <summary>What ClickHouse holds in the place of NULL: an hstore is empty then.</summary>
    public string Null => Type == "hstore" ? "" : "NULL";

    /// <summary>Arrays of the case's values, NULLs among them, as PostgreSQL reads them.</summary>
    public Gen<string> Arrays => Gen.OneOf(
        Gen.Elements("{}", "{NULL}"),
        Gen.OneOf(Values.Select(Quoted), Gen.Constant("NULL")).ListOf(3).Select(values => $"{{{string.Join(',', values)}}}"));

    /// <summary>What PostgreSQL holds in an array of the case's type.</summary>
    public string ArrayInPostgres(string array) =>
        $"(SELECT string_agg(coalesce({Postgres($"({array})[n]")}, 'NULL'), ',' ORDER BY n) FROM generate_subscripts({array}, 1) n)";

    /// <summary>The same of ClickHouse.</summary>
    public string ArrayInClickHouse(string array) =>
        $"arrayStringConcat(arrayMap(element -> coalesce({ClickHouse("element")}, 'NULL'), {array}), ',')";

    private static TypeCase Number(string type, Gen<string> values) =>
        new(type, values, x => $"{x}::text", x => $"toString({x})", IsLong: false);

    private static TypeCase Text(string type, Gen<string> values) =>
        new(type, values, x => $"CASE WHEN num_nulls({x}) = 0 THEN encode(convert_to(format('%s', {x}), 'UTF8'), 'hex') END", x =>
            $"lower(hex({x}))");

    private static TypeCase Numeric(int precision, int scale) => Numeric(
        $"numeric({precision},{scale})",
        Gen.Choose(1, precision).SelectMany(count => Gen.Choose(0, 9).ListOf(count), (_, digits) => string.Concat(digits))
            .Zip(Gen.Elements("", "-"), (digits, sign) => $"{sign}{digits}e-{scale}"));

    private static TypeCase Numeric(string type, Gen<string> values) =>
        new(type, values, x => $"trim_scale({x})::text", x => $"toString({x})");

    private static TypeCase Moment(string type, Gen<string> zones) => new(
        type,
        Gen.OneOf(
            Days.Select(Date).Zip(TimesOfDay, (date, time) => $"{date} {time}").Zip(zones, (moment, zone) => moment + zone),
            Infinities,
            Gen.Elements(
                "0001-01-01 00:00:00Z BC", "0001-06-15 12:00:00.000001Z BC", "9999-12-31 23:59:59.999Z", "1969-12-31 23:59:59.999Z")),
        x => $"CASE {x} WHEN 'infinity' THEN 253402300799999999 WHEN '-infinity' THEN -62167219200000000 ELSE (extract(epoch FROM {x}) " +
            "* 1000000)::bigint END::text",
        x => $"toString(toUnixTimestamp64Micro({x}))", IsLong: false);

    private static string Date(int day) => DateTime.UnixEpoch.AddDays(day - 719_162).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static Gen<string> Integers(long least, long most) => Gen.OneOf(
        Gen.Elements(least, most).Select(number => number.ToString(CultureInfo.InvariantCulture)),
        Bytes(8, 8).Select(bytes =>
            (least + (long)(BitConverter.ToUInt64(bytes) % ((UInt128)((Int128)most - least) + 1))).ToString(CultureInfo.InvariantCulture)));

    private static Gen<string> Floats(Func<long, string> text) => Gen.OneOf(
        Bytes(8, 8)
            .Select(bytes => text(BitConverter.ToInt64(bytes)) switch { "∞" => "Infinity", "-∞" => "-Infinity", var other => other }),
        Gen.Elements("NaN", "Infinity", "-Infinity", "0", "-0", "0.1", "0.30000000000000004", "1e-30", "1e30"));

    private static Gen<byte[]> Bytes(int least, int most) =>
        Gen.Choose(least, most)
            .SelectMany(count => Gen.Choose(0, 255).ListOf(count), (_, bytes) => bytes.Select(part => (byte)part).ToArray());

    /// <summary>Text of what lists, literals and messages quote, up to so many bytes.</summary>
    private static Gen<string> Texts(int most) => Gen.Choose(0, most / 4).SelectMany(
        count => Gen.Elements("a", "B", " ", "'", "\"", "\\", ",", "{", "}", "=>", "\n", "\t", "ü", "😀", "NULL", "\\N", "\u0001", "0")
            .ListOf(count),
        (_, parts) => string.Concat(parts) is var text && Encoding.UTF8.GetByteCount(text) <= most ? text : "");

    private static string Hstore(IEnumerable<(string Key, string Value)> pairs) =>
        string.Join(", ", pairs.DistinctBy(pair => pair.Key)
            .Select(pair => $"{Quoted(pair.Key)}=>{((pair.Value as string) is { } value ? Quoted(value) : "NULL")}"));

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"";
}
