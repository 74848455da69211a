using System.ComponentModel;
using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using AspireCdc.Api.Resources;
using AspireCdc.Shop;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace AspireCdc.Api.OpenApi;

/// <summary>What the attributes of the entities say, in JSON Schema, where ASP.NET does not read them.</summary>
internal static class EntitySchemas
{
    public static async Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellation)
    {
        var type = context.JsonTypeInfo.Type;
        if (context.JsonPropertyInfo is { } property) DescribeProperty(schema, property);
        else if (type.IsAssignableTo(typeof(Entity))) DescribeEntity(schema, context);
        else if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Patch<>))
            await DescribePatchAsync(schema, type.GenericTypeArguments[0], context, cancellation);
    }

    private static void DescribeProperty(OpenApiSchema schema, JsonPropertyInfo property)
    {
        // Strings are read as numbers, too; the answer always has a number, and that is what a generated client should expect.
        if (property.PropertyType == typeof(decimal)) (schema.Type, schema.Pattern, schema.Format) = (JsonSchemaType.Number, null, null);
        if (property.PropertyType == typeof(decimal?))
            (schema.Type, schema.Pattern, schema.Format) = (JsonSchemaType.Number | JsonSchemaType.Null, null, null);
        if (property.PropertyType == typeof(int) || property.PropertyType == typeof(long))
            (schema.Type, schema.Pattern) = (JsonSchemaType.Integer, null);
        if (JsonModel.Has<PositiveAttribute>(property)) schema.ExclusiveMinimum = "0";
        if (JsonModel.Has<MoneyAttribute>(property)) schema.Maximum = MoneyAttribute.Max.ToString(CultureInfo.InvariantCulture);
        if (JsonModel.Has<ReadOnlyAttribute>(property)) schema.ReadOnly = true;
    }

    /// <summary>What the server gives is in every answer.</summary>
    private static void DescribeEntity(OpenApiSchema schema, OpenApiSchemaTransformerContext context)
    {
        schema.Required ??= new HashSet<string>();
        foreach (var property in context.JsonTypeInfo.Properties.Where(JsonModel.Has<ReadOnlyAttribute>))
            schema.Required.Add(property.Name);
    }

    private static async Task DescribePatchAsync(
        OpenApiSchema schema, Type entity, OpenApiSchemaTransformerContext context, CancellationToken cancellation)
    {
        var whole = await context.GetOrCreateSchemaAsync(entity, null, cancellation);
        schema.Type = JsonSchemaType.Object;
        schema.Description = $"Any of the fields of {entity.Name}; those that are absent stay as they are.";
        schema.Properties = whole.Properties?.Where(property => !property.Value.ReadOnly)
            .ToDictionary(property => property.Key, property => WithoutDefault(property.Value));
    }

    private static IOpenApiSchema WithoutDefault(IOpenApiSchema schema)
    {
        var copy = schema.CreateShallowCopy();
        if (copy is OpenApiSchema own) own.Default = null;
        return copy;
    }
}
