using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.EntityFrameworkCore.Metadata;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>
/// The marks of a property: its own, or those of the same name in the class that <see cref="MetadataTypeAttribute"/> names, since
/// scaffolded classes are written anew.
/// </summary>
internal static class Marks
{
    /// <summary>The mark; null if the property has none.</summary>
    public static TMark? Mark<TMark>(this IReadOnlyProperty property)
        where TMark : Attribute => property.PropertyInfo is not { } own ? null
        : own.GetCustomAttribute<TMark>() ?? Beside(own)?.GetCustomAttribute<TMark>();

    /// <summary>The property has the mark.</summary>
    public static bool Has<TMark>(this IReadOnlyProperty property)
        where TMark : Attribute => property.Mark<TMark>() is not null;

    private static MemberInfo? Beside(PropertyInfo property) =>
        property.DeclaringType?.GetCustomAttribute<MetadataTypeAttribute>()?.MetadataClassType.GetMember(property.Name) is [var member, ..]
        ? member : null;
}
