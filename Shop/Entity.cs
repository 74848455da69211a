using System.ComponentModel;
using System.Text.Json.Serialization;

namespace AspireCdc.Shop;

/// <summary>What every resource has: a key that the database gives.</summary>
public abstract class Entity
{
    /// <summary>The key, given by the database. Ignored in a request.</summary>
    /// <example>1</example>
    [ReadOnly(true), JsonPropertyOrder(-2)]
    public long Id { get; set; }
}
