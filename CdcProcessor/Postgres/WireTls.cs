using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>TLS as Npgsql does it from the same connection string: the same modes, certificates, environment
/// variables and default files.</summary>
internal static class WireTls
{
    private static readonly byte[] Request = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];

    /// <summary>
    /// The modes to try in turn. As in libpq, <c>Prefer</c> goes without TLS where the server refuses the login with it,
    /// and <c>Allow</c> the other way round.
    /// </summary>
    public static IReadOnlyList<SslMode> Attempts(SslMode mode) => mode switch
    {
        SslMode.Prefer => [SslMode.Prefer, SslMode.Disable],
        SslMode.Allow => [SslMode.Disable, SslMode.Require],
        _ => [mode],
    };

    /// <summary>The stream to go on with: a secure one, or the same where the server has no TLS and none is demanded.</summary>
    public static async Task<Stream> SecureAsync(
        Stream stream, NpgsqlConnectionStringBuilder settings, SslMode mode, string host, CancellationToken cancellationToken)
    {
        if (mode == SslMode.Disable)
            return stream;

        if (!IsDirect(settings))
        {
            await stream.WriteAsync(Request, cancellationToken);
            var answer = new byte[1];
            await stream.ReadExactlyAsync(answer, cancellationToken);
            if (answer[0] != 'S')
            {
                return mode == SslMode.Prefer
                    ? stream
                    : throw new InvalidOperationException(
                        $"PostgreSQL at {host} does not offer TLS, and the connection string demands it (SSL Mode={settings.SslMode}).");
            }
        }

        var verifies = mode is SslMode.VerifyCA or SslMode.VerifyFull;
        var roots = verifies ? Roots(settings) : null;
        string? refusal = null;
        var secure = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            await secure.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = host,
                    ApplicationProtocols = [new SslApplicationProtocol("postgresql")],
                    ClientCertificateContext = ClientCertificate(settings),
                    CertificateRevocationCheckMode = verifies && settings.CheckCertificateRevocation
                        ? X509RevocationMode.Online
                        : X509RevocationMode.NoCheck,
                    RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                        !verifies || (refusal = Refuse(certificate, chain, errors, mode == SslMode.VerifyFull, roots, host)) is null,
                }, cancellationToken);
            return secure;
        }
        catch (AuthenticationException e)
        {
            await secure.DisposeAsync();
            throw new InvalidOperationException(
                refusal ?? $"TLS with PostgreSQL at {host} failed: {e.InnerException?.Message ?? e.Message}", e);
        }
    }

    private static bool IsDirect(NpgsqlConnectionStringBuilder settings) =>
        settings.SslNegotiation == SslNegotiation.Direct
            || string.Equals(Environment.GetEnvironmentVariable("PGSSLNEGOTIATION"), "direct", StringComparison.OrdinalIgnoreCase);

    /// <summary>Null, or why this server is not to be trusted.</summary>
    private static string? Refuse(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, bool wantsName,
        X509Certificate2Collection? roots, string host)
    {
        if (certificate is null || chain is null)
            return $"PostgreSQL at {host} has shown no certificate.";
        var shown = certificate as X509Certificate2 ?? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        if (wantsName && errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return $"The certificate of PostgreSQL at {host} is not for that name but for " +
                $"{shown.GetNameInfo(X509NameType.DnsName, forIssuer: false)}: connect by a name that it has, or say SSL Mode=VerifyCA.";

        var isTrusted = !errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors);
        if (roots is not null)
        {
            // Only what was named is trusted then, whatever the system trusts.
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(roots);
            chain.ChainPolicy.ExtraStore.AddRange(roots);
            isTrusted = chain.Build(shown);
        }
        return isTrusted
            ? null
            : $"The certificate of PostgreSQL at {host} is not trusted " +
                $"({string.Join(", ", chain.ChainStatus.Select(status => status.Status))}): name its issuer's certificate with Root " +
                "Certificate=… in the connection string, or PGSSLROOTCERT.";
    }

    private static X509Certificate2Collection? Roots(NpgsqlConnectionStringBuilder settings)
    {
        if ((settings.RootCertificate ?? Environment.GetEnvironmentVariable("PGSSLROOTCERT") ?? DefaultFile("root.crt")) is not { } path)
            return null;

        var roots = new X509Certificate2Collection();
        if (!IsPfx(path))
            roots.ImportFromPemFile(path);
        if (roots.Count == 0)
            roots.Add(X509CertificateLoader.LoadPkcs12FromFile(path, null));
        return roots;
    }

    private static SslStreamCertificateContext? ClientCertificate(NpgsqlConnectionStringBuilder settings)
    {
        if ((settings.SslCertificate ?? Environment.GetEnvironmentVariable("PGSSLCERT") ?? DefaultFile("postgresql.crt")) is not { } path)
            return null;
        if (IsPfx(path))
            return SslStreamCertificateContext.Create(X509CertificateLoader.LoadPkcs12FromFile(path, settings.SslPassword), null);

        var key = settings.SslKey ?? Environment.GetEnvironmentVariable("PGSSLKEY") ?? DefaultFile("postgresql.key");
        var own = string.IsNullOrEmpty(settings.SslPassword)
            ? X509Certificate2.CreateFromPemFile(path, key)
            : X509Certificate2.CreateFromEncryptedPemFile(path, settings.SslPassword, key);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(path);
        return SslStreamCertificateContext.Create(own, [.. chain.Skip(1)]);
    }

    private static bool IsPfx(string path) => string.Equals(Path.GetExtension(path), ".pfx", StringComparison.OrdinalIgnoreCase);

    private static string? DefaultFile(string name)
    {
        var home = OperatingSystem.IsWindows() ? Path.Combine(Environment.GetEnvironmentVariable("APPDATA") ?? "", "postgresql")
            : Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "", ".postgresql");
        return Path.Combine(home, name) is var path && File.Exists(path) ? path : null;
    }
}
