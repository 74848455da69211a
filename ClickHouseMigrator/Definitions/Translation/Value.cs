using System.Globalization;
using System.Numerics;

namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>A translated expression.</summary>
/// <param name="Sql">ClickHouse's SQL; it needs no parentheses around it.</param>
/// <param name="Clr">Its .NET type, without <see cref="Nullable{T}"/>.</param>
/// <param name="NullBy">Why it may be NULL, as a sentence without a full stop; null if it never is.</param>
internal sealed record Value(string Sql, Type Clr, string? NullBy)
{
    /// <summary>Its type in ClickHouse, where that is known for sure.</summary>
    public string? Type { get; init; }

    /// <summary>Of an integer or decimal, the values that it may have.</summary>
    public Span? Span { get; init; }

    /// <summary>What is compared with it, if it is a column that EF Core converts: the literal of a value.</summary>
    public Func<object, string>? Literal { get; init; }

    /// <summary>The value of a constant; null for anything else.</summary>
    public object? Constant { get; init; }

    /// <summary>It is a constant, which may be NULL.</summary>
    public bool IsConstant { get; init; }
}

/// <summary>
/// The values of an exact number: at most so large without regard to sign and point, with so many digits after the point.
/// </summary>
/// <param name="Max">The largest, as an integer.</param>
/// <param name="Scale">Digits after the point.</param>
internal sealed record Span(BigInteger Max, int Scale)
{
    /// <summary>All digits that the largest has.</summary>
    public int Digits => Math.Max(Max.ToString(CultureInfo.InvariantCulture).Length, Scale);

    /// <summary>Of an integer type.</summary>
    public static Span Of(BigInteger max) => new(max, 0);

    /// <summary>Of a decimal type.</summary>
    public static Span Of(int precision, int scale) => new(BigInteger.Pow(10, precision) - 1, scale);

    /// <summary>With this many digits after the point, at least.</summary>
    public Span At(int scale) => scale <= Scale ? this : new(Max * BigInteger.Pow(10, scale - Scale), scale);

    /// <summary>Of a sum or difference.</summary>
    public Span Plus(Span other)
    {
        var scale = Math.Max(Scale, other.Scale);
        return new(At(scale).Max + other.At(scale).Max, scale);
    }

    /// <summary>Of a product.</summary>
    public Span Times(Span other) => new(Max * other.Max, Scale + other.Scale);

    /// <summary>Of one or the other.</summary>
    public Span Or(Span other)
    {
        var scale = Math.Max(Scale, other.Scale);
        return new(BigInteger.Max(At(scale).Max, other.At(scale).Max), scale);
    }
}
