using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AspireCdc.AppHost.Embedded;

namespace AspireCdc.AppHost.Running;

#pragma warning disable ASPIRECERTIFICATES001 // Aspire may still change its form.

/// <summary>
/// The certificate of the orchestrator's own interface, which only AppHost talks to. Where a user has no trusted developer certificate, the
/// orchestrator would make an RSA key at every start, which takes seconds of a processor; this is an elliptic one, kept beside the embedded
/// binaries. Nothing else here serves https.
/// </summary>
internal sealed class OrchestratorCertificate : IDeveloperCertificateService
{
    /// <summary>Marks a certificate as one for development only (ASP.NET Core's <c>CertificateManager</c>); the
    /// orchestrator gets no other.</summary>
    private const string ForDevelopment = "1.3.6.1.4.1.311.84.1.1";

    private const int ValidDays = 365;

    private readonly Lazy<ImmutableList<X509Certificate2>> _certificates = new(() =>
        [LoadOrMake(Path.Combine(EmbeddedBinaries.CacheFolder, "orchestrator.pfx"))]);

    public ImmutableList<X509Certificate2> Certificates => _certificates.Value;

    public bool SupportsContainerTrust => false;

    public bool UseForHttps => false;

    public bool TrustCertificate => false;

    private static X509Certificate2 LoadOrMake(string file)
    {
        try
        {
            if (File.Exists(file) && X509CertificateLoader.LoadPkcs12FromFile(file, password: null, X509KeyStorageFlags.Exportable)
                is var kept && kept.NotAfter > DateTime.Now.AddDays(1))
                return kept;
        }
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            // One that cannot be read is made anew.
        }

        var made = Make();
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            // By renaming, so that nobody reads half of it.
            var draft = $"{file}.{Environment.ProcessId}";
            using (var stream = new FileStream(draft, OwnersAlone()))
                stream.Write(made.Export(X509ContentType.Pfx));
            File.Move(draft, file, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next start makes its own.
        }

        return made;
    }

    private static FileStreamOptions OwnersAlone()
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return options;
    }

    private static X509Certificate2 Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        names.AddIpAddress(System.Net.IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(new X509Extension(ForDevelopment, [2], critical: false));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.Now.AddDays(-1), DateTimeOffset.Now.AddDays(ValidDays));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), password: null, X509KeyStorageFlags.Exportable);
    }
}
