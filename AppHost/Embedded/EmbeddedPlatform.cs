using System.Runtime.InteropServices;

namespace AspireCdc.AppHost.Embedded;

/// <summary>Names of the npm packages that hold this platform's binaries.</summary>
/// <param name="Postgres">PostgreSQL's package.</param>
/// <param name="ChDb">The package of ClickHouse's engine, libchdb.</param>
internal sealed record EmbeddedPlatform(string Postgres, string ChDb)
{
    /// <summary>The platform this process runs on, or null where the embedded binaries do not exist.</summary>
    public static EmbeddedPlatform? Current { get; } = Find();

    /// <summary>What to tell a user whose platform has no embedded binaries.</summary>
    public static string UnsupportedMessage =>
        $"The embedded stack has no binaries for {RuntimeInformation.RuntimeIdentifier}: it runs on " +
        "Linux (glibc) and macOS, x64 and arm64. " +
        "Install Docker or Podman and use --stack containers; on Windows, WSL runs the embedded stack.";

    private static EmbeddedPlatform? Find()
    {
        var cpu = RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "x64",
            Architecture.Arm64 => "arm64",
            _ => null,
        };
        if (cpu is null || RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal))
            return null;
        if (OperatingSystem.IsLinux())
            return new($"@embedded-postgres/linux-{cpu}", $"@chdb/lib-linux-{cpu}-gnu");
        if (OperatingSystem.IsMacOS())
            return new($"@embedded-postgres/darwin-{cpu}", $"@chdb/lib-darwin-{cpu}");
        return null;
    }
}
