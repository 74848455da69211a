using Microsoft.AspNetCore.RequestDecompression;

namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>Request bodies in zstd, which the framework does not decode by itself.</summary>
internal sealed class ZstdDecompression : IDecompressionProvider
{
    public Stream GetDecompressionStream(Stream stream) => new ZstdSharp.DecompressionStream(stream);
}
