using System.Globalization;
using AspireCdc.EmbeddedClickHouse.Engine;
using Microsoft.AspNetCore.Http.Features;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>What a request asks for, apart from the text of its query in the body.</summary>
internal sealed class QueryRequest
{
    /// <summary>Parameters of the interface itself; every other one is a setting.</summary>
    private static readonly HashSet<string> Reserved =
    [
        "", "query", "user", "password", "quota_key", "role", "stacktrace", "client_protocol_version", "close_session",
        "http_method",
        // Settings of ClickHouse's that its HTTP server carries out, not its engine.
        "send_progress_in_http_headers", "http_headers_progress_interval_ms", "http_write_exception_in_output_format",
        "cancel_http_readonly_queries_on_client_close", "add_http_cors_header",
        // By this one the server finds a connection's query.
        "log_comment",
    ];

    private QueryRequest()
    {
    }

    public string Query { get; private set; } = "";

    public string? Database { get; private set; }

    public string? DefaultFormat { get; private set; }

    public string QueryId { get; private set; } = "";

    public List<Setting> Settings { get; } = [];

    public List<QueryParameter> Parameters { get; } = [];

    public string? SessionId { get; private set; }

    public TimeSpan SessionTimeout { get; private set; } = TimeSpan.FromSeconds(60);

    public bool SessionMustExist { get; private set; }

    public bool WaitEndOfQuery { get; private set; }

    public long BufferSize { get; private set; }

    public bool AllowCompression { get; private set; } = true;

    public int CompressionLevel { get; private set; } = 3;

    /// <summary>The result goes out in ClickHouse's own compressed blocks.</summary>
    public bool CompressBlocks { get; private set; }

    /// <summary>The body comes in ClickHouse's own compressed blocks.</summary>
    public bool DecompressBlocks { get; private set; }

    /// <summary>The form of a <c>multipart/form-data</c> request: parameters, and files as tables.</summary>
    public IFormCollection? Form { get; private set; }

    public static async Task<QueryRequest> ReadAsync(HttpContext context)
    {
        var request = new QueryRequest();
        foreach (var (name, values) in context.Request.Query)
            request.Read(name, values[^1] ?? "");

        // Only this type is a form: curl calls every body application/x-www-form-urlencoded.
        if (context.Request.ContentType is { } type && type.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase))
        {
            request.Form = await context.Request.ReadFormAsync(
                new FormOptions { ValueLengthLimit = int.MaxValue, MultipartBodyLengthLimit = long.MaxValue, ValueCountLimit = 100_000 }, context.RequestAborted);
            foreach (var (name, values) in request.Form)
                request.Read(name, values[^1] ?? "");
            var files = request.Form.Files.Select(file => file.Name).ToHashSet();
            request.Settings.RemoveAll(setting => DescribesFile(setting.Name, files));
        }

        var headers = context.Request.Headers;
        if (headers["X-ClickHouse-Database"] is [{ Length: > 0 } database, ..])
            request.Database = database;
        if (headers["X-ClickHouse-Format"] is [{ Length: > 0 } format, ..])
            request.DefaultFormat = format;
        if (request.QueryId.Length == 0)
            request.QueryId = headers["X-ClickHouse-Query-Id"] is [{ Length: > 0 } id, ..] ? id : Guid.NewGuid().ToString();
        return request;
    }

    private static bool DescribesFile(string name, HashSet<string> files) =>
        new[] { "_format", "_types", "_structure" }.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal) && files.Contains(name[..^suffix.Length]));

    private void Read(string name, string value)
    {
        switch (name)
        {
            case "query":
                Query = value;
                break;
            case "database":
                Database = value.Length == 0 ? null : value;
                break;
            case "default_format":
                DefaultFormat = value.Length == 0 ? null : value;
                break;
            case "query_id":
                QueryId = value;
                break;
            case "session_id":
                SessionId = value.Length == 0 ? null : value;
                break;
            case "session_timeout":
                SessionTimeout = ParseTimeout(value);
                break;
            case "session_check":
                SessionMustExist = value == "1";
                break;
            case "wait_end_of_query" or "http_wait_end_of_query":
                WaitEndOfQuery = ParseBool(value);
                break;
            case "buffer_size" or "http_response_buffer_size":
                BufferSize = ParseNumber(name, value);
                break;
            case "enable_http_compression":
                AllowCompression = ParseBool(value);
                break;
            case "http_zlib_compression_level":
                CompressionLevel = (int)ParseNumber(name, value);
                break;
            case "compress":
                CompressBlocks = ParseBool(value);
                break;
            case "decompress":
                DecompressBlocks = ParseBool(value);
                break;
            default:
                if (name.StartsWith("param_", StringComparison.Ordinal))
                    Parameters.Add(new(name["param_".Length..], value));
                else if (!Reserved.Contains(name))
                    Settings.Add(new(name, value));
                break;
        }
    }

    private static bool ParseBool(string value) => value is "1" || value.Equals("true", StringComparison.OrdinalIgnoreCase);

    private static long ParseNumber(string name, string value) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ClickHouseException.Raise(ErrorCode.BadArguments, "BAD_ARGUMENTS", $"The parameter {name} is no number: '{value}'");

    private static TimeSpan ParseTimeout(string value)
    {
        const int maximum = 3600;
        if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            throw ClickHouseException.Raise(ErrorCode.InvalidSessionTimeout, "INVALID_SESSION_TIMEOUT", $"Invalid session timeout: '{value}'");
        if (seconds > maximum)
        {
            throw ClickHouseException.Raise(
                ErrorCode.InvalidSessionTimeout, "INVALID_SESSION_TIMEOUT", $"Session timeout '{value}' is larger than max_session_timeout: {maximum}");
        }

        return TimeSpan.FromSeconds(seconds);
    }
}
