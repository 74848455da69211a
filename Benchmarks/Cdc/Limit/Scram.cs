using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc.Limit;

/// <summary>The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as
/// PostgreSQL's password login takes it.</summary>
internal sealed class Scram(string password)
{
    public const string Mechanism = "SCRAM-SHA-256";

    // "n,," : no channel binding; PostgreSQL takes the user from the startup message.
    private const string Header = "n,,";

    private readonly string _nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));

    private string ClientFirstBare => $"n=,r={_nonce}";

    public string First => Header + ClientFirstBare;

    /// <summary>The proof that answers the server's challenge.</summary>
    public string Final(string serverFirst)
    {
        var parts = serverFirst.Split(',').ToDictionary(part => part[0], part => part[2..]);
        if (!parts['r'].StartsWith(_nonce, StringComparison.Ordinal))
            throw new BenchmarkException("PostgreSQL's challenge does not continue our nonce.");
        var iterations = int.Parse(parts['i'], CultureInfo.InvariantCulture);
        var salted = Rfc2898DeriveBytes.Pbkdf2(password, Convert.FromBase64String(parts['s']), iterations, HashAlgorithmName.SHA256, 32);
        var withoutProof = $"c={Convert.ToBase64String(Encoding.ASCII.GetBytes(Header))},r={parts['r']}";
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var proof =
            HMACSHA256.HashData(SHA256.HashData(clientKey), Encoding.ASCII.GetBytes($"{ClientFirstBare},{serverFirst},{withoutProof}"));
        for (var i = 0; i < proof.Length; i++)
            proof[i] ^= clientKey[i];
        return $"{withoutProof},p={Convert.ToBase64String(proof)}";
    }
}
