using System.ComponentModel.DataAnnotations.Schema;
using System.Reflection;
using System.Text.Json;

namespace AspireCdc.Star;

/// <summary>How a fact's record is called in ClickHouse: what writes its table and what reads it ask here.</summary>
internal static class FactRecord
{
    /// <summary>The table's name.</summary>
    public static string TableOf(Type fact) => fact.GetCustomAttribute<TableAttribute>()?.Name ?? SnakeCase(fact.Name);

    /// <summary>A column's name.</summary>
    public static string ColumnOf(PropertyInfo property) =>
        property.GetCustomAttribute<ColumnAttribute>()?.Name ?? SnakeCase(property.Name);

    /// <summary>The properties that are columns, in the order in which the record has them.</summary>
    public static IReadOnlyList<PropertyInfo> PropertiesOf(Type fact) =>
    [
        .. fact.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.SetMethod is not null && !property.IsDefined(typeof(NotMappedAttribute)))
            .OrderBy(property => property.MetadataToken),
    ];

    /// <summary><c>BillingAddress</c> is <c>billing_address</c>.</summary>
    public static string SnakeCase(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
