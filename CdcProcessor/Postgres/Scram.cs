using System.Buffers.Text;
using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// The client's side of SCRAM-SHA-256 (RFC 5802, 7677); over TLS with channel binding to the server's certificate (RFC 5929), so that
/// nobody between the two
/// can pass the login on.
/// </summary>
/// <param name="password">What both sides know.</param>
/// <param name="binding">The hash of the server's certificate, or null where there is none to bind to.</param>
/// <param name="mayBind">This side could bind, if the server offered it: which a server then takes for a sign that somebody has taken its
/// offer away.</param>
internal sealed class Scram(string password, byte[]? binding, bool mayBind)
{
    /// <summary>Some seconds of work; what asks for more wants to keep the processor busy. (PostgreSQL's default is 4096.)</summary>
    private const int MaxIterations = 10_000_000;

    private const string Plain = "SCRAM-SHA-256";
    private const string Plus = "SCRAM-SHA-256-PLUS";

    private readonly string _header = binding is not null ? "p=tls-server-end-point,," : mayBind ? "y,," : "n,,";

    // PostgreSQL takes the user from the startup packet and ignores the name in here.
    private readonly string _firstBare = "n=,r=" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
    private byte[] _serverSignature = [];

    /// <summary>The mechanism that <see cref="First"/> is of.</summary>
    public string Mechanism => binding is not null ? Plus : Plain;

    /// <summary>
    /// What suits the server's offer, the connection, and the setting <c>Channel Binding</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The server offers nothing that suits.</exception>
    public static Scram Choose(string password, IReadOnlyCollection<string> offered, SslStream? tls, ChannelBinding wanted)
    {
        var binds = tls is not null && wanted != ChannelBinding.Disable;
        if (binds && offered.Contains(Plus))
            return new Scram(password, EndPointHash(tls!), mayBind: true);
        if (wanted == ChannelBinding.Require)
        {
            throw new InvalidOperationException(
                "ConnectionStrings:shop says Channel Binding=Require, and " +
                $"{(tls is null ? "the connection is without TLS: say SSL Mode=Require" : "this server does not offer it")}.");
        }
        return offered.Contains(Plain)
            ? new Scram(password, null, mayBind: binds)
            : throw new NotSupportedException($"PostgreSQL offers no {Plain}.");
    }

    /// <summary>The certificate by the hash of its own signature; where that is weaker than SHA-256, or has none, by SHA-256.</summary>
    private static byte[] EndPointHash(SslStream tls)
    {
        var certificate = tls.RemoteCertificate
            ?? throw new InvalidOperationException("The server has shown no certificate to bind the login to.");
        var bytes = certificate.GetRawCertData();
        using var parsed = X509CertificateLoader.LoadCertificate(bytes);
        return parsed.SignatureAlgorithm.Value switch
        {
            "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => SHA384.HashData(bytes),
            "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => SHA512.HashData(bytes),
            _ => SHA256.HashData(bytes),
        };
    }

    public byte[] First => Encoding.UTF8.GetBytes(_header + _firstBare);

    public byte[] Final(ReadOnlySpan<byte> serverFirst)
    {
        var challenge = Encoding.UTF8.GetString(serverFirst);
        if (challenge.Split(',') is not [['r', '=', .. var nonce], ['s', '=', .. var salt], ['i', '=', .. var count], ..]
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            || iterations is < 1 or > MaxIterations
            || !Base64.IsValid(salt))
            throw new InvalidDataException("The server's SCRAM challenge cannot be read.");
        if (!nonce.StartsWith(_firstBare[5..], StringComparison.Ordinal))
            throw new InvalidDataException("The server's SCRAM challenge does not continue this client's nonce.");

        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormKC)),
            Convert.FromBase64String(salt), iterations, HashAlgorithmName.SHA256, 32);
        var withoutProof = $"c={Convert.ToBase64String([.. Encoding.UTF8.GetBytes(_header), .. binding ?? []])},r={nonce}";
        var message = Encoding.UTF8.GetBytes($"{_firstBare},{challenge},{withoutProof}");

        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var proof = HMACSHA256.HashData(SHA256.HashData(clientKey), message);
        for (var i = 0; i < proof.Length; i++)
            proof[i] ^= clientKey[i];

        _serverSignature = HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), message);
        return Encoding.UTF8.GetBytes($"{withoutProof},p={Convert.ToBase64String(proof)}");
    }

    /// <summary>The server must know the password, too.</summary>
    public void Verify(ReadOnlySpan<byte> serverFinal)
    {
        var text = Encoding.UTF8.GetString(serverFinal);
        if (!text.StartsWith("v=", StringComparison.Ordinal) || !Base64.IsValid(text.AsSpan(2))
            || !CryptographicOperations.FixedTimeEquals(Convert.FromBase64String(text[2..]), _serverSignature))
            throw new InvalidDataException("The server could not prove that it knows the password.");
    }
}
