using System.Security.Cryptography;
using System.Text;

namespace AspireCdc.Api.InitDb;

/// <summary>
/// PostgreSQL's form of a stored password, <c>SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey</c>. Made here, the password itself
/// never reaches the server or its log.
/// </summary>
internal static class ScramVerifier
{
    private const string Scheme = "SCRAM-SHA-256";
    private const int Iterations = 4096;
    private const int SaltLength = 16;

    public static string Create(string password) => Create(password, RandomNumberGenerator.GetBytes(SaltLength), Iterations);

    public static bool Matches(string? verifier, string password) =>
        verifier?.Split('$') is [Scheme, var parameters, _] && parameters.Split(':') is [var iterations, var salt]
        && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(verifier),
            Encoding.ASCII.GetBytes(Create(password, Convert.FromBase64String(salt), int.Parse(iterations))));

    private static string Create(string password, byte[] salt, int iterations)
    {
        var salted = Rfc2898DeriveBytes.Pbkdf2(password, salt, iterations, HashAlgorithmName.SHA256, SHA256.HashSizeInBytes);
        var storedKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        var serverKey = HMACSHA256.HashData(salted, "Server Key"u8);
        return $"{Scheme}${iterations}:{Convert.ToBase64String(salt)}" +
            $"${Convert.ToBase64String(storedKey)}:{Convert.ToBase64String(serverKey)}";
    }
}
