using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>
/// A certificate by which the server offers TLS, to our role: the peers log in as its superuser and go without, as they always did.
/// </summary>
internal static class ServerCertificate
{
    private const string Logins =
        """
        hostssl all postgres all reject
        host    all all      all scram-sha-256
        """;

    /// <summary>Writes certificate and key, and returns the server's settings for them.</summary>
    public static IEnumerable<KeyValuePair<string, string>> WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (certificateFile, keyFile) = (Path.Combine(folder, "server.crt"), Path.Combine(folder, "server.key"));
        var logins = Path.Combine(folder, "pg_hba.conf");
        File.WriteAllText(logins, Logins);
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        // PostgreSQL takes no key that others may read.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(keyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return [new("ssl", "on"), new("ssl_cert_file", certificateFile), new("ssl_key_file", keyFile), new("hba_file", logins)];
    }
}
