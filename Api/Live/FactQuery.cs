using System.Data.Common;
using System.Linq.Expressions;
using System.Reflection;
using AspireCdc.Star;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.Api.Live;

/// <summary>
/// Reads a fact's rows as its records: names and order of columns come from the record, so that none is written down twice.
/// </summary>
/// <typeparam name="TFact">The record.</typeparam>
internal static class FactQuery<TFact>
{
    private static readonly IReadOnlyList<PropertyInfo> Properties = FactRecord.PropertiesOf(typeof(TFact));

    /// <summary>Selects all rows; conditions and order may follow.</summary>
    public static string Sql { get; } =
        $"SELECT {ClickHouseSql.Names(Properties.Select(FactRecord.ColumnOf))} FROM " +
        $"{ClickHouseSql.Name(FactRecord.TableOf(typeof(TFact)))}";

    /// <summary>A row that <see cref="Sql"/> selects, as a record.</summary>
    public static Func<DbDataReader, TFact> Read { get; } = Compile();

    /// <summary>A column as it stands in a condition.</summary>
    public static string Column<T>(Expression<Func<TFact, T>> property) =>
        ClickHouseSql.Name(FactRecord.ColumnOf((PropertyInfo)((MemberExpression)property.Body).Member));

    private static Func<DbDataReader, TFact> Compile()
    {
        var row = Expression.Parameter(typeof(DbDataReader));
        var values = Properties.Select((property, i) => (Property: property, Value: ValueOf(row, i, property.PropertyType))).ToList();
        // A positional record takes its values by constructor.
        var constructor = typeof(TFact).GetConstructors().MaxBy(candidate => candidate.GetParameters().Length)!;
        var made = Expression.New(constructor,
            constructor.GetParameters().Select(parameter => values.First(value => value.Property.Name == parameter.Name).Value));
        var rest = values.Where(value => constructor.GetParameters().All(parameter => parameter.Name != value.Property.Name))
            .Select(value => Expression.Bind(value.Property, value.Value));
        return Expression.Lambda<Func<DbDataReader, TFact>>(Expression.MemberInit(made, rest), row).Compile();
    }

    private static Expression ValueOf(Expression row, int column, Type type)
    {
        var place = Expression.Constant(column);
        var bare = Nullable.GetUnderlyingType(type) ?? type;
        // The reader's own method, where it has one: what it returns as an object is a type of the driver's for some.
        var method = typeof(DbDataReader).GetMethod($"Get{bare.Name}", [typeof(int)])
            ?? typeof(DbDataReader).GetMethod(nameof(DbDataReader.GetFieldValue))!.MakeGenericMethod(bare);
        var value = Expression.Convert(Expression.Call(row, method, place), type);
        return type.IsValueType && bare == type ? value
            : Expression.Condition(Expression.Call(row, nameof(DbDataReader.IsDBNull), null, place), Expression.Default(type), value);
    }
}
