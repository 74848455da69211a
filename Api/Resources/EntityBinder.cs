using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using AspireCdc.Shop;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Validation;

namespace AspireCdc.Api.Resources;

/// <summary>
/// Sets an entity's fields from a JSON object and validates the result. There are no request types: the entity's own JSON contract says
/// what a request may hold, and every field that is wrong is named at once.
/// </summary>
internal sealed class EntityBinder(
    IOptions<JsonOptions> json, IOptions<ValidationOptions> validation, TimeProvider time, IServiceProvider services)
{
    private readonly JsonSerializerOptions _json = json.Value.SerializerOptions;

    /// <summary>A new entity.</summary>
    public async Task<T> CreateAsync<T>(RequestBody body) where T : Entity
    {
        var errors = new FieldErrors();
        var entity = (T)Create(typeof(T), body.Json, parentKey: null, prefix: "", errors);
        await ValidateAsync(entity, errors);
        return entity;
    }

    /// <summary>Sets the fields that the body holds; with <paramref name="complete"/> the required ones have to be there.</summary>
    public async Task UpdateAsync<T>(T entity, RequestBody body, bool complete) where T : Entity
    {
        var errors = new FieldErrors();
        foreach (var property in Contract(typeof(T)))
            if (body.Json.TryGetProperty(property.Name, out var value)) Set(entity, property, value, property.Name, errors);
            else if (complete && property.IsRequired) errors.Add(property.Name, "is required");
        await ValidateAsync(entity, errors);
    }

    private object Create(Type type, JsonElement body, string? parentKey, string prefix, FieldErrors errors)
    {
        var entity = _json.GetTypeInfo(type).CreateObject!();
        foreach (var property in Contract(type))
            if (body.TryGetProperty(property.Name, out var value)) Set(entity, property, value, prefix + property.Name, errors);
            else if (property.IsRequired && Member(property) != parentKey) errors.Add(prefix + property.Name, "is required");
            else if (JsonModel.Has<DefaultsToNowAttribute>(property)) property.Set!(entity, time.GetUtcNow().UtcDateTime);
        return entity;
    }

    private void Set(object entity, JsonPropertyInfo property, JsonElement value, string field, FieldErrors errors)
    {
        if (value.ValueKind == JsonValueKind.Null && !property.IsSetNullable) errors.Add(field, "must not be null");
        else if (JsonModel.ItemType(property) is { } itemType) SetItems(entity, property, itemType, value, field, errors);
        else
            try
            {
                var converted = value.Deserialize(property.PropertyType, _json);
                if (converted is string text && text.Contains('\0')) errors.Add(field, "must not contain U+0000");
                else property.Set!(entity, converted);
            }
            // InvalidOperationException: half of a surrogate pair, or bytes that are not UTF-8.
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                errors.Add(field, $"must be {Expected(property.PropertyType)}");
            }
    }

    private void SetItems(object entity, JsonPropertyInfo property, Type itemType, JsonElement value, string field, FieldErrors errors)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            errors.Add(field, "must be a list");
            return;
        }
        var parentKey = JsonModel.Get<ForeignKeyAttribute>(property)?.Name;
        var items = (IList)property.Get!(entity)!;
        items.Clear();
        foreach (var (index, element) in value.EnumerateArray().Index())
        {
            if (element.ValueKind != JsonValueKind.Object) errors.Add($"{field}[{index}]", "must be an object");
            // Something in its place all the same: validation counts the items, too.
            items.Add(element.ValueKind == JsonValueKind.Object
                ? Create(itemType, element, parentKey, $"{field}[{index}].", errors)
                : _json.GetTypeInfo(itemType).CreateObject!());
        }
    }

    private async Task ValidateAsync(Entity entity, FieldErrors errors)
    {
        if (!validation.Value.TryGetValidatableTypeInfo(entity.GetType(), out var type))
        {
            if (!entity.GetType().IsDefined(typeof(ValidatableTypeAttribute), inherit: false))
                throw new InvalidOperationException($"{entity.GetType().Name} lacks [ValidatableType]: nothing would be validated.");
            // No attribute of it says anything, and such a type the generator leaves out.
            errors.ThrowIfAny();
            return;
        }

        var context =
            new ValidateContext { ValidationOptions = validation.Value, ValidationContext = new ValidationContext(entity, services, null) };
        var found = new Dictionary<string, string[]>();
        context.OnValidationError += error => found[error.Path] = Complaints.Of(error);
        await type.ValidateAsync(entity, context, CancellationToken.None);
        errors.AddWhereNone(found);
        errors.ThrowIfAny();
    }

    private IEnumerable<JsonPropertyInfo> Contract(Type type) =>
        _json.GetTypeInfo(type).Properties.Where(property => property.Set is not null);

    private static string? Member(JsonPropertyInfo property) => (property.AttributeProvider as System.Reflection.MemberInfo)?.Name;

    private static string Expected(Type type) => type switch
    {
        _ when type == typeof(string) => "a text in valid Unicode",
        _ when type == typeof(DateTime) => "a time such as 2026-01-31T12:00:00Z",
        _ when type == typeof(decimal) => "a number, or a string that holds one",
        _ when type == typeof(int) || type == typeof(long) => $"an integer of {(type == typeof(int) ? 32 : 64)} bits",
        _ => "of another type",
    };
}
