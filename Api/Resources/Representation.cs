using System.Security.Cryptography;
using System.Text.Json;
using AspireCdc.Shop;
using Microsoft.Net.Http.Headers;

namespace AspireCdc.Api.Resources;

/// <summary>A resource's JSON and the entity tag that stands for it.</summary>
internal sealed class Representation(byte[] json)
{
    public byte[] Json => json;

    public long Id => JsonElement.Parse(json).GetProperty("id").GetInt64();

    public EntityTagHeaderValue Tag { get; } = new($"\"{Convert.ToHexStringLower(SHA256.HashData(json).AsSpan(0, 16))}\"");

    public static Representation Of(Entity entity, JsonSerializerOptions options) =>
        new(JsonSerializer.SerializeToUtf8Bytes(entity, entity.GetType(), options));

    /// <summary>True if the header is absent, or names this representation (or, with <c>*</c>, any).</summary>
    public bool Matches(string? header) => header is null || IsNamedBy(header, strong: true);

    /// <summary>True if the header names this representation.</summary>
    public bool IsNamedBy(string? header, bool strong) =>
        header is not null && EntityTagHeaderValue.TryParseList([header], out var tags)
        && tags.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(Tag, strong));
}
