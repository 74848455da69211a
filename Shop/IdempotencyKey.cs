using System.ComponentModel.DataAnnotations;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.Shop;

/// <summary>The first answer to a POST that carried an <c>Idempotency-Key</c>. Not replicated.</summary>
[Index(nameof(CreatedAt))]
internal sealed class IdempotencyKey
{
    public const int MaxLength = 255;

    [Key, MaxLength(MaxLength)]
    public required string Key { get; set; }

    /// <summary>SHA-256 over path and body: a key belongs to one request.</summary>
    public required byte[] RequestHash { get; set; }

    /// <summary>The answer's JSON, as it was sent.</summary>
    public required byte[] Response { get; set; }

    [DefaultsToNow]
    public DateTime CreatedAt { get; set; }
}
