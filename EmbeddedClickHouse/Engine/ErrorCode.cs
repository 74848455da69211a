namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>The numbers of ClickHouse's errors that this server raises or looks for.</summary>
internal static class ErrorCode
{
    public const int BadArguments = 36;
    public const int NotImplemented = 48;
    public const int SyntaxError = 62;
    public const int UnknownFormat = 73;
    public const int ReadOnly = 164;
    public const int QueryWithSameIdIsAlreadyRunning = 216;
    public const int QueryIsTooLarge = 229;
    public const int CannotDecompress = 271;
    public const int IntoOutfileNotAllowed = 358;
    public const int SessionNotFound = 372;
    public const int SessionIsLocked = 373;
    public const int InvalidSessionTimeout = 374;
    public const int QueryWasCancelled = 394;
    public const int AccessDenied = 497;
    public const int UnknownRole = 511;
    public const int AuthenticationFailed = 516;
    public const int UnknownException = 1002;
}
