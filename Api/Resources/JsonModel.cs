using System.Collections;
using System.ComponentModel;
using System.Reflection;
using System.Text.Json.Serialization.Metadata;
using AspireCdc.Shop;

namespace AspireCdc.Api.Resources;

/// <summary>How entities stand in JSON beyond what the defaults say: read-only fields are never set, values have the form in which
/// the database returns them.</summary>
internal static class JsonModel
{
    private static readonly IComparer ById = Comparer<Entity>.Create((a, b) => a.Id.CompareTo(b.Id));

    public static void Apply(JsonTypeInfo type)
    {
        if (!type.Type.IsAssignableTo(typeof(Entity))) return;
        foreach (var property in type.Properties)
        {
            if (Has<ReadOnlyAttribute>(property)) property.Set = null;
            else if (Has<MoneyAttribute>(property)) Normalize<decimal>(property, MoneyAttribute.Normalize);
            else if (property.PropertyType == typeof(DateTime)) Normalize<DateTime>(property, ToDatabaseTime);
            else if (ItemType(property) is not null) OrderById(property);
        }
    }

    public static bool Has<TAttribute>(JsonPropertyInfo property) where TAttribute : Attribute =>
        property.AttributeProvider?.IsDefined(typeof(TAttribute), inherit: true) ?? false;

    public static TAttribute? Get<TAttribute>(JsonPropertyInfo property) where TAttribute : Attribute =>
        (property.AttributeProvider as MemberInfo)?.GetCustomAttribute<TAttribute>();

    /// <summary>The entity of which the property is a list; null if it is none.</summary>
    public static Type? ItemType(JsonPropertyInfo property) =>
        property.PropertyType is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(List<>)
            && type.GenericTypeArguments[0].IsAssignableTo(typeof(Entity))
            ? type.GenericTypeArguments[0]
            : null;

    /// <summary>UTC in microseconds; a time without a zone is taken as UTC.</summary>
    public static DateTime ToDatabaseTime(DateTime time)
    {
        var utc = time.Kind == DateTimeKind.Unspecified ? DateTime.SpecifyKind(time, DateTimeKind.Utc) : time.ToUniversalTime();
        return utc.AddTicks(-(utc.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    private static void Normalize<T>(JsonPropertyInfo property, Func<T, T> normalize)
    {
        var set = property.Set!;
        property.Set = (entity, value) => set(entity, normalize((T)value!));
    }

    /// <summary>SQL promises no order, and an entity tag stands for one sequence of bytes.</summary>
    private static void OrderById(JsonPropertyInfo property)
    {
        var get = property.Get!;
        property.Get = entity =>
        {
            var items = get(entity);
            if (items is IList { Count: > 1 } list) ArrayList.Adapter(list).Sort(ById);
            return items;
        };
    }
}
