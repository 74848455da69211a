namespace AspireCdc.ServiceDefaults;

/// <summary>.NET sends requests to <c>localhost</c> through the proxy of <c>HTTP_PROXY</c>, too, which
/// knows nothing of this machine.</summary>
public static class Loopback
{
    private const string Names = "localhost,127.0.0.1,[::1]";

    /// <summary>Excepts this machine from proxies, for this process and those that it starts. To be
    /// called before the first request.</summary>
    public static void KeepFromProxies()
    {
        // .NET reads the first that is set.
        foreach (var variable in (string[])["no_proxy", "NO_PROXY"])
        {
            var others = Environment.GetEnvironmentVariable(variable);
            if (others is not null && others.Contains(Names, StringComparison.Ordinal)) continue;
            Environment.SetEnvironmentVariable(variable, string.IsNullOrEmpty(others) ? Names : $"{others},{Names}");
        }
    }
}
