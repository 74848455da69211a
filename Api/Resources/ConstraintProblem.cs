using System.Collections;
using System.Text.Json;
using AspireCdc.Api.Errors;
using AspireCdc.Shop;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;

namespace AspireCdc.Api.Resources;

/// <summary>Constraints that only the database can hold: names that are taken, rows that are missing or in use.</summary>
internal static class ConstraintProblem
{
    /// <summary>RESTRICT has a code of its own from PostgreSQL 18 on.</summary>
    private const string RestrictViolation = "23001";

    /// <summary>The problem of an insert or update, which names the field; null if no constraint of the model is violated.</summary>
    public static ProblemException? OnSave(DbUpdateException exception, Entity root, ShopContext context)
    {
        if (exception.InnerException is not PostgresException { ConstraintName: { } constraint } violation) return null;
        return violation.SqlState switch
        {
            PostgresErrorCodes.UniqueViolation when FindIndex(context.Model, constraint) is { } index =>
                new(StatusCodes.Status409Conflict, $"Another {NameOf(root.GetType())} has this {NameOf(index)}.") { Errors = Taken(index) },
            PostgresErrorCodes.ForeignKeyViolation when FindForeignKey(context.Model, constraint) is { } key =>
                Missing(key, Path(root, exception.Entries is [var entry, ..] ? entry.Entity : root)),
            _ => null,
        };
    }

    /// <summary>The problem of a delete; null if it is no row that stands in the way.</summary>
    public static ProblemException? OnDelete(PostgresException violation, string name, long id) =>
        violation.SqlState is PostgresErrorCodes.ForeignKeyViolation or RestrictViolation
            ? new(StatusCodes.Status409Conflict, $"The {name} {id} is in use by a row of {violation.TableName}: delete that first.")
            : null;

    private static ProblemException Missing(IForeignKey key, string path)
    {
        var field = path + JsonNamingPolicy.CamelCase.ConvertName(key.Properties.Single().Name);
        return ProblemException.Invalid(field, $"names no {NameOf(key.PrincipalEntityType.ClrType)} that exists");
    }

    private static Dictionary<string, string[]> Taken(IIndex index) => new() { [NameOf(index)] = ["is taken"] };

    /// <summary>Where the entity stands in the request: nowhere in particular, or <c>items[1].</c></summary>
    private static string Path(Entity root, object entity) => root.GetType().GetProperties()
        .Where(property => property.PropertyType.IsAssignableTo(typeof(IList)))
        .Select(property => (property.Name, Index: ((IList)property.GetValue(root)!).IndexOf(entity)))
        .Where(place => place.Index >= 0)
        .Select(place => $"{JsonNamingPolicy.CamelCase.ConvertName(place.Name)}[{place.Index}].")
        .FirstOrDefault("");

    private static IIndex? FindIndex(IModel model, string name) =>
        model.GetEntityTypes().SelectMany(type => type.GetIndexes()).FirstOrDefault(index => index.GetDatabaseName() == name);

    private static IForeignKey? FindForeignKey(IModel model, string name) =>
        model.GetEntityTypes().SelectMany(type => type.GetForeignKeys()).FirstOrDefault(key => key.GetConstraintName() == name);

    private static string NameOf(Type entity) => JsonNamingPolicy.CamelCase.ConvertName(entity.Name);

    private static string NameOf(IIndex index) =>
        string.Join(", ", index.Properties.Select(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name)));
}
