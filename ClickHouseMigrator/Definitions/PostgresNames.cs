using Microsoft.EntityFrameworkCore.Metadata;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>Types as <c>format_type</c> writes them, however a definition does.</summary>
internal static class PostgresNames
{
    private static readonly Dictionary<string, string> Aliases = new(StringComparer.OrdinalIgnoreCase)
    {
        ["bool"] = "boolean",
        ["int2"] = "smallint",
        ["int4"] = "integer",
        ["int"] = "integer",
        ["int8"] = "bigint",
        ["float4"] = "real",
        ["float8"] = "double precision",
        ["decimal"] = "numeric",
        ["varchar"] = "character varying",
        ["char"] = "character",
        ["bpchar"] = "character",
        ["timestamp"] = "timestamp without time zone",
        ["timestamptz"] = "timestamp with time zone",
        ["time"] = "time without time zone",
        ["timetz"] = "time with time zone",
        ["varbit"] = "bit varying",
        ["serial"] = "integer",
        ["bigserial"] = "bigint",
        ["smallserial"] = "smallint",
    };

    private static readonly HashSet<string> Known =
    [
        "boolean", "smallint", "integer", "bigint", "oid", "xid", "cid", "xid8", "real", "double precision", "numeric", "money", "text",
        "character varying", "character", "\"char\"", "name", "citext", "xml",
        "uuid", "date", "timestamp with time zone", "timestamp without time zone", "time without time zone", "time with time zone",
        "interval", "bytea", "json", "jsonb", "jsonpath", "hstore", "tsvector", "tsquery",
        "inet", "cidr", "macaddr", "macaddr8", "bit", "bit varying", "point", "line", "lseg", "box", "path", "polygon", "circle", "ltree",
        "lquery", "pg_lsn",
        "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange", "int4multirange", "int8multirange", "nummultirange",
        "tsmultirange", "tstzmultirange", "datemultirange",
    ];

    /// <summary>The type's name with its modifier.</summary>
    public static string Of(string storeType)
    {
        var (name, modifier, array) = Split(storeType);
        // The modifier of a time stands within its name.
        if (modifier.Length > 0 && name is "timestamp" or "timestamptz" or "time" or "timetz"
            && Aliases[name].Split(' ', 2) is [var first, var rest])
            return $"{first}{modifier} {rest}{array}";
        name = Aliases.GetValueOrDefault(name, name);
        if (name == "numeric" && modifier.Length > 0 && !modifier.Contains(','))
            modifier = $"{modifier[..^1]},0)";
        return $"{name}{modifier}{array}";
    }

    /// <summary>It is one of PostgreSQL's own or of a well-known extension's.</summary>
    public static bool IsKnown(string type) => Known.Contains(Split(type).Name);

    /// <summary>The type that EF Core takes for a property's .NET type; null if there is none for sure.</summary>
    public static string? OfClr(IProperty property) => (Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType) switch
    {
        var type when type == typeof(bool) => "boolean",
        var type when type == typeof(short) || type == typeof(byte) => "smallint",
        var type when type == typeof(int) => "integer",
        var type when type == typeof(long) => "bigint",
        var type when type == typeof(float) => "real",
        var type when type == typeof(double) => "double precision",
        var type when type == typeof(decimal) => "numeric",
        var type when type == typeof(Guid) => "uuid",
        var type when type == typeof(DateOnly) => "date",
        var type when type == typeof(TimeOnly) => "time without time zone",
        _ => null,
    };

    private static (string Name, string Modifier, string Array) Split(string type)
    {
        type = type.Trim();
        var array = type.EndsWith("[]", StringComparison.Ordinal) ? "[]" : "";
        type = type[..^array.Length];
        var open = type.IndexOf('(');
        if (open < 0 || type.IndexOf(')', open) is not (> 0 and var close))
            return (type, "", array);
        return ((type[..open].TrimEnd() + type[(close + 1)..]).Trim(), type[open..(close + 1)].Replace(" ", ""), array);
    }
}
