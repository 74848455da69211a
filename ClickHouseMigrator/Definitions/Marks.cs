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
    /// <summary>The mark; null if the property has none, or there is none.</summary>
    public static TMark? Mark<TMark>(this PropertyInfo? property)
        where TMark : Attribute => property is null ? null
        : property.GetCustomAttribute<TMark>() ?? Beside(property)?.GetCustomAttribute<TMark>();

    /// <summary>The mark of the property in the class; null if it has none, or the class has no such property.</summary>
    public static TMark? Mark<TMark>(this IReadOnlyProperty property)
        where TMark : Attribute => property.PropertyInfo.Mark<TMark>();

    /// <summary>The property has the mark.</summary>
    public static bool Has<TMark>(this PropertyInfo? property)
        where TMark : Attribute => property.Mark<TMark>() is not null;

    /// <summary>The property in the class has the mark.</summary>
    public static bool Has<TMark>(this IReadOnlyProperty property)
        where TMark : Attribute => property.PropertyInfo.Has<TMark>();

    private static MemberInfo? Beside(PropertyInfo property) =>
        property.DeclaringType?.GetCustomAttribute<MetadataTypeAttribute>()?.MetadataClassType.GetMember(property.Name) is [var member, ..]
        ? member : null;
}
