using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Net.Http.Headers;

namespace AspireCdc.CdcProcessor.Operations;

/// <summary>
/// Who may ask for operations: whoever has the token. Without one, only this machine; a port that others reach refuses, and says what to
/// set.
/// </summary>
internal sealed partial class OperationAccess(IConfiguration configuration, ILogger<OperationAccess> logger)
{
    /// <summary>The configuration key of the token: <c>Operations__Token</c>.</summary>
    public const string Key = "Operations:Token";

    private const string Scheme = "Bearer ";

    /// <summary>Null, or why the request is refused.</summary>
    public IResult? Refuse(HttpContext http)
    {
        var token = configuration[Key];
        var operation = $"{http.Request.Method} {http.Request.Path}{http.Request.QueryString}";
        var who = http.Request.Headers.UserAgent is [{ Length: > 0 } agent, ..] ? agent : "somebody unnamed";
        if (string.IsNullOrEmpty(token))
        {
            if (http.Connection.LocalIpAddress is { } local && !IPAddress.IsLoopback(local))
            {
                LogRefused(operation, who, http.Connection.RemoteIpAddress);
                return Results.Text(
                    "Operations have no token, and this address is not the machine's own: set Operations__Token " +
                    "for the processor, and for whoever asks it.",
                    statusCode: StatusCodes.Status403Forbidden);
            }
        }
        else if (!IsToken(http.Request.Headers.Authorization, token))
        {
            LogRefused(operation, who, http.Connection.RemoteIpAddress);
            http.Response.Headers.WWWAuthenticate = "Bearer";
            return Results.Text("Operations want their token: set Operations__Token, as the processor has it.",
                statusCode: StatusCodes.Status401Unauthorized);
        }

        LogAsked(operation, who, http.Connection.RemoteIpAddress);
        return null;
    }

    /// <summary>Lets <paramref name="http"/> ask, if there is a token for it, and names who does.</summary>
    public static void Authorize(HttpClient http, string? token)
    {
        http.DefaultRequestHeaders.TryAddWithoutValidation(
            HeaderNames.UserAgent, $"CdcProcessor ({Environment.UserName}@{Environment.MachineName})");
        if (!string.IsNullOrEmpty(token))
            http.DefaultRequestHeaders.TryAddWithoutValidation(HeaderNames.Authorization, Scheme + token);
    }

    /// <summary>Compares hashes, in a time that tells nothing of the token or of its length.</summary>
    private static bool IsToken(string? authorization, string token) =>
        authorization is not null && authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
        && CryptographicOperations.FixedTimeEquals(Hash(authorization[Scheme.Length..].Trim()), Hash(token));

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    [LoggerMessage(60, LogLevel.Information, "{Operation} was asked for by {Who} at {Address}")]
    private partial void LogAsked(string operation, string who, IPAddress? address);

    [LoggerMessage(61, LogLevel.Warning, "{Operation} was refused to {Who} at {Address}, who has no token for it")]
    private partial void LogRefused(string operation, string who, IPAddress? address);
}
