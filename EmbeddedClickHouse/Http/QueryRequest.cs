using System.Globalization;
using AspireCdc.EmbeddedClickHouse.Engine;
using AspireCdc.EmbeddedClickHouse.Sql;
using Microsoft.AspNetCore.Http.Features;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>What a request asks for, apart from the text of its query in the body.</summary>
internal sealed class QueryRequest
{
    /// <summary>Parameters of the interface itself; every other one is a setting.</summary>
    private static readonly HashSet<string> Reserved =
    [
        "", "query", "user", "password", "quota_key", "stacktrace", "client_protocol_version", "http_method",
        // Settings of ClickHouse's that its HTTP server carries out, not its engine.
        "http_write_exception_in_output_format", "cancel_http_readonly_queries_on_client_close", "add_http_cors_header",
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

    /// <summary>The session ends with this request.</summary>
    public bool CloseSession { get; private set; }

    /// <summary>Stops a running query of this id first; else it is an error that there is one.</summary>
    public bool ReplaceRunningQuery { get; private set; }

    /// <summary>Tells in headers how far the query is, as long as they have not gone out.</summary>
    public bool SendProgress { get; private set; }

    public TimeSpan ProgressInterval { get; private set; } = TimeSpan.FromMilliseconds(100);

    private string? Role { get; set; }

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
            request.Form = await ReadFormAsync(context);
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

    /// <summary>There are no roles here, so every one is unknown.</summary>
    public void CheckRole()
    {
        if (Role is { } role)
            throw ClickHouseException.Raise(ErrorCode.UnknownRole, "UNKNOWN_ROLE", $"There is no role `{role}` in user directories");
    }

    /// <summary>What comes beside the text is held to what its text is: settings, and values that may be names or columns.</summary>
    public void CheckParameters(RequestText text)
    {
        if (Settings.Find(setting => ServerSettings.Contains(setting.Name)) is { Name: { } name })
            throw ServerSettings.Refusal(name);
        var names = text.StatementBytes.IndexOf("Identifier"u8) >= 0;
        foreach (var (_, value) in Parameters)
        {
            if (names)
                Inspection.CheckName(value);
            HiddenSql.CheckColumns(value);
        }
    }

    /// <summary>The settings of a request outside a session; by GET it may read only, and the engine sees to that.</summary>
    public IReadOnlyList<Setting> SettingsFor(string method) =>
        !Refuse.Reads(method) || Settings.Exists(setting => setting is { Name: "readonly", Value: "1" or "2" })
            ? Settings
            : [.. Settings.Where(setting => setting.Name != "readonly"), new("readonly", "2")];

    private static async Task<IFormCollection> ReadFormAsync(HttpContext context)
    {
        try
        {
            return await context.Request.ReadFormAsync(
                new FormOptions { ValueLengthLimit = int.MaxValue, MultipartBodyLengthLimit = long.MaxValue, ValueCountLimit = 100_000 },
                context.RequestAborted);
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or IOException and not BadHttpRequestException
            && !context.RequestAborted.IsCancellationRequested)
        {
            throw ClickHouseException.Raise(ErrorCode.BadArguments, "BAD_ARGUMENTS", $"The multipart form cannot be read: {e.Message}");
        }
    }

    private static bool DescribesFile(string name, HashSet<string> files) =>
        new[] { "_format", "_types", "_structure" }.Any(suffix =>
            name.EndsWith(suffix, StringComparison.Ordinal) && files.Contains(name[..^suffix.Length]));

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
            case "close_session":
                CloseSession = value == "1";
                break;
            case "role":
                Role = value;
                break;
            case "replace_running_query":
                ReplaceRunningQuery = ParseBool(value);
                break;
            case "send_progress_in_http_headers":
                SendProgress = ParseBool(value);
                break;
            case "http_headers_progress_interval_ms":
                ProgressInterval = TimeSpan.FromMilliseconds(Math.Clamp(ParseNumber(name, value), 10, 60_000));
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
            throw ClickHouseException.Raise(
                ErrorCode.InvalidSessionTimeout, "INVALID_SESSION_TIMEOUT", $"Invalid session timeout: '{value}'");
        if (seconds > maximum)
        {
            throw ClickHouseException.Raise(
                ErrorCode.InvalidSessionTimeout, "INVALID_SESSION_TIMEOUT",
                $"Session timeout '{value}' is larger than max_session_timeout: {maximum}");
        }

        return TimeSpan.FromSeconds(seconds);
    }
}
