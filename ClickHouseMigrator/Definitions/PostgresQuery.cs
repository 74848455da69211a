using System.Linq.Expressions;
using System.Reflection;
using AspireCdc.Star.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>A fact as a query of PostgreSQL's, by EF Core: the same projection, columns in the fact's order.</summary>
internal sealed class PostgresQuery(DbContext context)
{
    private static readonly MethodInfo Untyped = typeof(PostgresQuery)
        .GetMethod(nameof(WriteTyped), BindingFlags.NonPublic | BindingFlags.Instance)!;

    /// <summary>The query; null where EF Core has none for one of the columns.</summary>
    /// <param name="root">The root's entity.</param>
    /// <param name="row">The parameter of the values.</param>
    /// <param name="columns">The columns: name in the fact, and value.</param>
    public string? Write(Type root, ParameterExpression row, IReadOnlyList<(string Name, Expression Value)> columns)
    {
        try
        {
            return (string?)Untyped.MakeGenericMethod(root).Invoke(this, [row, columns]);
        }
        catch (TargetInvocationException e) when (e.InnerException is InvalidOperationException)
        {
            return null;
        }
    }

    private string WriteTyped<TRoot>(ParameterExpression row, IReadOnlyList<(string Name, Expression Value)> columns)
        where TRoot : class
    {
        var query = context.Set<TRoot>().IgnoreQueryFilters().IgnoreAutoIncludes();
        // EF Core writes equal columns once and constants not at all: an outer query brings them back, and gives each its name.
        var places = new Dictionary<string, int>();
        var inner = new List<Expression>();
        var outer = new List<string>();
        foreach (var (name, value) in columns)
        {
            if (value is ConstantExpression constant)
            {
                outer.Add($"{Literal(constant)} AS {PostgresSql.Name(name)}");
                continue;
            }

            // As a sort key it has to be SQL; what only .NET can compute is refused here.
            var key = Expression.Convert(value, typeof(object));
            _ = query.OrderBy(Expression.Lambda<Func<TRoot, object>>(key, row)).ToQueryString();
            if (places.TryAdd(query.Select(Expression.Lambda<Func<TRoot, object>>(key, row)).ToQueryString(), inner.Count))
                inner.Add(key);
            outer.Add(
                $"c{places[query.Select(Expression.Lambda<Func<TRoot, object>>(key, row)).ToQueryString()] + 1} AS " +
                $"{PostgresSql.Name(name)}");
        }

        var sql = query.Select(Expression.Lambda<Func<TRoot, object[]>>(Expression.NewArrayInit(typeof(object), inner), row))
            .ToQueryString();
        return $"SELECT {string.Join(", ", outer)}\nFROM (\n{sql.ReplaceLineEndings("\n")}\n) AS fact " +
            $"({string.Join(", ", inner.Select((_, i) => $"c{i + 1}"))})";
    }

    private string Literal(ConstantExpression constant) => constant.Value is { } value
        ? context.GetService<IRelationalTypeMappingSource>().FindMapping(value.GetType())!.GenerateSqlLiteral(value)
        : "NULL";
}
