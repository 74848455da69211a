namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>What the server knows of ClickHouse's output formats.</summary>
internal static class OutputFormat
{
    /// <summary>The format of a request that names none.</summary>
    public const string Default = "TabSeparated";

    /// <summary>A name that may stand in a query as it is.</summary>
    public static bool IsName(string format) => format.Length > 0 && format.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    public static string ContentType(string format)
    {
        if (Starts("TabSeparated") || Starts("TSV") || Starts("Raw"))
            return "text/tab-separated-values; charset=UTF-8";
        if (Starts("CSV"))
            return format.Contains("WithNames", StringComparison.OrdinalIgnoreCase)
                ? "text/csv; charset=UTF-8; header=present"
                : "text/csv; charset=UTF-8; header=absent";
        if (Starts("JSON"))
            return format.Contains("EachRow", StringComparison.OrdinalIgnoreCase) || Starts("JSONLines")
                ? "application/x-ndjson; charset=UTF-8"
                : "application/json; charset=UTF-8";
        if (Starts("NDJSON"))
            return "application/x-ndjson; charset=UTF-8";
        if (Starts("XML"))
            return "application/xml; charset=UTF-8";
        if (Starts("Markdown"))
            return "text/markdown; charset=UTF-8";
        string[] binary =
            ["RowBinary", "Native", "Parquet", "Arrow", "ORC", "Avro", "MsgPack", "Protobuf", "CapnProto", "BSON", "Npy", "RawBLOB"];
        return binary.Any(Starts) ? "application/octet-stream" : "text/plain; charset=UTF-8";

        bool Starts(string prefix) => format.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);
    }
}
