using System.IO.Compression;
using K4os.Compression.LZ4.Streams;
using Microsoft.Net.Http.Headers;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>Compresses a response in a way that its client accepts.</summary>
internal static class ResponseCompression
{
    private static readonly string[] Supported = ["zstd", "lz4", "br", "gzip", "deflate"];

    /// <summary>The content coding to use, or null for none: the one that the client likes best, and of equals the fastest.</summary>
    public static string? Choose(HttpRequest request)
    {
        var accepted = request.GetTypedHeaders().AcceptEncoding;
        return Supported
            .Select(coding => (coding, quality: accepted.FirstOrDefault(a => Names(a, coding)) is { } found ? found.Quality ?? 1 : 0))
            .Where(choice => choice.quality > 0)
            .OrderByDescending(choice => choice.quality)
            .Select(choice => choice.coding)
            .FirstOrDefault();
    }

    public static Stream Compress(Stream body, string coding, int level) => coding switch
    {
        "zstd" => new ZstdSharp.CompressionStream(body, Math.Clamp(level, 1, 19), leaveOpen: true),
        "lz4" => LZ4Stream.Encode(body, leaveOpen: true),
        "br" => new BrotliStream(body, new BrotliCompressionOptions { Quality = Math.Clamp(level, 0, 11) }, leaveOpen: true),
        "gzip" => new GZipStream(body, new ZLibCompressionOptions { CompressionLevel = Math.Clamp(level, 1, 9) }, leaveOpen: true),
        _ => new ZLibStream(body, new ZLibCompressionOptions { CompressionLevel = Math.Clamp(level, 1, 9) }, leaveOpen: true),
    };

    private static bool Names(StringWithQualityHeaderValue accepted, string coding) =>
        accepted.Value.Equals(coding, StringComparison.OrdinalIgnoreCase);
}
