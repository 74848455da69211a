using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>The client's side of SCRAM-SHA-256 (RFC 5802, 7677), without channel binding.</summary>
internal sealed class Scram(string password)
{
    public const string Mechanism = "SCRAM-SHA-256";

    // PostgreSQL takes the user from the startup packet and ignores the name in here.
    private readonly string _firstBare = "n=,r=" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
    private byte[] _serverSignature = [];

    public byte[] First => Encoding.UTF8.GetBytes("n,," + _firstBare);

    public byte[] Final(ReadOnlySpan<byte> serverFirst)
    {
        var challenge = Encoding.UTF8.GetString(serverFirst);
        var fields = challenge.Split(',').ToDictionary(field => field[0], field => field[2..]);
        if (!fields['r'].StartsWith(_firstBare[5..], StringComparison.Ordinal))
            throw new InvalidDataException("The server's SCRAM challenge does not continue this client's nonce.");

        var iterations = int.Parse(fields['i'], CultureInfo.InvariantCulture);
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormKC)), Convert.FromBase64String(fields['s']), iterations, HashAlgorithmName.SHA256, 32);
        var withoutProof = "c=biws,r=" + fields['r'];
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
        if (!text.StartsWith("v=", StringComparison.Ordinal) || !CryptographicOperations.FixedTimeEquals(Convert.FromBase64String(text[2..]), _serverSignature))
            throw new InvalidDataException("The server could not prove that it knows the password.");
    }
}
