using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using AspireCdc.EmbeddedClickHouse.Engine;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>Checks user and password, wherever the request has them: in headers of ClickHouse's, in basic
/// authentication, or in its URL.</summary>
internal static class Authentication
{
    public static void Check(HttpRequest request, EmbeddedClickHouseOptions options)
    {
        var (user, password) = Credentials(request);
        // Both comparisons always run, so that the time tells nothing.
        if (!(Same(user, options.Username) & Same(password, options.Password)))
            throw Failed($"{user}: Authentication failed: password is incorrect, or there is no user with such name.");
    }

    private static (string User, string Password) Credentials(HttpRequest request)
    {
        string? headerUser = request.Headers["X-ClickHouse-User"], headerKey = request.Headers["X-ClickHouse-Key"];
        string? authorization = request.Headers.Authorization;
        var inHeaders = !string.IsNullOrEmpty(headerUser) || !string.IsNullOrEmpty(headerKey);
        var inUrl = request.Query.ContainsKey("user") || request.Query.ContainsKey("password");

        if (inHeaders && !string.IsNullOrEmpty(authorization))
            throw Mixed("X-ClickHouse HTTP headers and Authorization HTTP header");
        if (inHeaders && inUrl)
            throw Mixed("X-ClickHouse HTTP headers and authentication via parameters");
        if (inUrl && !string.IsNullOrEmpty(authorization))
            throw Mixed("Authorization HTTP header and authentication via parameters");

        if (inHeaders)
            return (string.IsNullOrEmpty(headerUser) ? "default" : headerUser, headerKey ?? "");
        if (!string.IsNullOrEmpty(authorization))
            return Basic(authorization);
        return (request.Query["user"] is [{ Length: > 0 } user, ..] ? user : "default", request.Query["password"].ToString());
    }

    private static (string User, string Password) Basic(string authorization)
    {
        if (!AuthenticationHeaderValue.TryParse(authorization, out var header)
            || !header.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
            throw Failed($"Invalid authentication: '{authorization.Split(' ')[0]}' HTTP Authorization scheme is not supported");
        var bytes = new byte[header.Parameter?.Length ?? 0];
        if (!Convert.TryFromBase64String(header.Parameter ?? "", bytes, out var length))
            throw Failed("Invalid authentication: the Authorization HTTP header cannot be read");
        var pair = Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2);
        return (pair[0], pair.Length == 2 ? pair[1] : "");
    }

    private static bool Same(string given, string wanted) =>
        CryptographicOperations.FixedTimeEquals(
            SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(wanted)));

    private static ClickHouseException Mixed(string ways) =>
        Failed($"Invalid authentication: it is not allowed to use {ways} simultaneously");

    private static ClickHouseException Failed(string text) =>
        ClickHouseException.Raise(ErrorCode.AuthenticationFailed, "AUTHENTICATION_FAILED", text);
}
