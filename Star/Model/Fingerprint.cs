using System.Security.Cryptography;
using System.Text;

namespace AspireCdc.Star.Model;

/// <summary>Tells definitions apart.</summary>
internal static class Fingerprint
{
    /// <summary>The first 64 bits of the SHA-256 of these lines, as 16 hexadecimal digits.</summary>
    public static string Of(IEnumerable<string> lines) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines)))[..8]);
}
