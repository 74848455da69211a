using K4os.Compression.LZ4.Streams;
using Microsoft.AspNetCore.RequestDecompression;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>Request bodies in a coding that the framework does not decode by itself.</summary>
internal sealed class RequestDecompression(Func<Stream, Stream> decode) : IDecompressionProvider
{
    /// <summary>What ClickHouse's clients use besides gzip, deflate and br.</summary>
    public static void AddTo(IDictionary<string, IDecompressionProvider> providers)
    {
        providers.Add("zstd", new RequestDecompression(body => new ZstdSharp.DecompressionStream(body)));
        providers.Add("lz4", new RequestDecompression(body => LZ4Stream.Decode(body, leaveOpen: true)));
    }

    public Stream GetDecompressionStream(Stream stream) => decode(stream);
}
