using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace AspireCdc.Shop;

/// <summary>The database sets the current time where the application sets none.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DefaultsToNowAttribute : Attribute;

/// <summary>Greater than zero, in the request and, as a check constraint, in the table.</summary>
[AttributeUsage(AttributeTargets.Property)]
public class PositiveAttribute() : ValidationAttribute("The field {0} must be greater than 0.")
{
    /// <inheritdoc />
    public override bool IsValid(object? value) => value is null || Convert.ToDecimal(value, CultureInfo.InvariantCulture) > 0;
}

/// <summary>A positive amount with two decimals, <c>numeric(12,2)</c> in the table.</summary>
public sealed class MoneyAttribute : PositiveAttribute
{
    /// <summary>All digits of an amount.</summary>
    public const int Precision = 12;

    /// <summary>Its digits after the point.</summary>
    public const int Scale = 2;

    /// <summary>The largest amount.</summary>
    public const decimal Max = 9_999_999_999.99m;

    /// <inheritdoc />
    public override bool IsValid(object? value) => base.IsValid(value) && value is null or <= Max && IsExact((decimal)value!);

    /// <inheritdoc />
    public override string FormatErrorMessage(string name) =>
        string.Create(CultureInfo.InvariantCulture, $"The field {name} must be greater than 0, at most {Max} and have at most {Scale} decimals.");

    /// <summary>
    /// The amount with exactly two decimals, as the database returns it; one that has more stays as it is, for validation to refuse.
    /// </summary>
    public static decimal Normalize(decimal amount) => IsExact(amount) && amount <= Max ? decimal.Round(amount, Scale) + 0.00m : amount;

    private static bool IsExact(decimal amount) => decimal.Round(amount, Scale) == amount;
}
