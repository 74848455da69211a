using System.Linq.Expressions;
using System.Reflection;
using AspireCdc.ClickHouseMigrator.Definitions.Translation;
using AspireCdc.Star;
using AspireCdc.Star.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>Reads the records that are facts.</summary>
internal sealed class FactReader(DbContext context, IModel model, Mirror mirror, List<string> faults)
{
    private readonly Dictionary<string, string> _were = [];

    /// <summary>Old names of facts, by the new ones.</summary>
    public IReadOnlyDictionary<string, string> Were => _were;

    /// <summary>The type is a record with a projection.</summary>
    public static bool IsFact(Type type) => InterfaceOf(type) is not null && !type.IsAbstract;

    /// <summary>The fact; null if something is wrong with it, which stands among the faults then.</summary>
    public FactMapping? Read(Type type)
    {
        var before = faults.Count;
        if (type.GetCustomAttribute<WasCalledAttribute>() is { } was)
            _were[FactRecord.TableOf(type)] = was.Name;

        var root = InterfaceOf(type)!.GetGenericArguments()[0];
        if (model.FindEntityType(root) is not { } entity || mirror.Find(entity) is not { } table)
        {
            faults.Add($"{type.Name}: its root {root.Name} is not mirrored: mark it [Replicated]");
            return null;
        }
        if (table.AppendOnly)
        {
            faults.Add(
                $"{type.Name}: the rows of {root.Name} have no key, by which a fact's row would be known: read " +
                $"{table.WithCompanions().Landing}");
            return null;
        }

        if (entity.FindDiscriminatorProperty() is { } discriminator && entity.BaseType is not null)
        {
            faults.Add(
                $"{type.Name}: the rows of {root.Name} are some of those of {table.Source}, and a fact has a row for each: make it " +
                $"IFact<{entity.GetRootType().ClrType.Name}, {type.Name}>, with EF.Property<…>(…, \"{discriminator.Name}\") as a column");
            return null;
        }

        var row = (LambdaExpression)type.GetProperty(nameof(IFact<,>.Row), BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!;
        var given = ValuesOf(type, row);
        var values = Normalized(type, given);
        var rows = new FactRows(mirror, table, entity, row.Parameters[0], type.Name, faults);
        var columns = new List<(PropertyInfo Property, FactColumn Column)>();
        foreach (var property in FactRecord.PropertiesOf(type))
        {
            if (!given.ContainsKey(property.Name))
                faults.Add($"{type.Name}.{property.Name}: Row does not set it: give it a value, or mark it [NotMapped]");
            else if (values.TryGetValue(property.Name, out var value) && ColumnOf(type, property, value, rows, table) is { } column)
                columns.Add((property, column));
        }
        if (faults.Count > before)
            return null;

        var key = table.Key.Select(column =>
            columns.FindIndex(candidate => candidate.Column.IsKey && rows.IsRootColumn(values[candidate.Property.Name], column))).ToList();
        if (key.Contains(-1))
        {
            var lacking = table.Key.Select(column => $"a property that is {row.Parameters[0].Name}.{column.Properties[0].Name}");
            faults.Add($"{type.Name}: it lacks the key of {root.Name}: add {string.Join(", ", lacking)}");
            return null;
        }

        // The key first, in its own order; a second property of the same value is no key.
        var ordered = key.Select(i => columns[i]).Concat(columns.Where((_, i) => !key.Contains(i))
            .Select(column => (column.Property, Column: column.Column with { IsKey = false }))).ToList();
        return new FactMapping
        {
            Name = FactRecord.TableOf(type),
            Root = table.Source,
            Parents = rows.Parents,
            Columns = [.. ordered.Select(column => column.Column)],
            Postgres = new PostgresQuery(context)
                .Write(root, row.Parameters[0], [.. ordered.Select(column => (column.Column.Name, values[column.Property.Name]))]),
        };
    }

    private FactColumn? ColumnOf(Type type, PropertyInfo property, Expression expression, FactRows rows, MirroredTable table)
    {
        try
        {
            var column = new Translator(rows).Column(property, expression);
            return new FactColumn(
                FactRecord.ColumnOf(property), column.Type, column.Sql, table.Key.Any(key => rows.IsRootColumn(expression, key)));
        }
        catch (TranslationException e)
        {
            faults.Add($"{type.Name}.{property.Name}: {e.Message}");
            return null;
        }
    }

    /// <summary>The values in the forms that the translation knows; without those that have none, which stand among the faults.</summary>
    private Dictionary<string, Expression> Normalized(Type type, Dictionary<string, Expression> values)
    {
        var normalized = new Dictionary<string, Expression>();
        foreach (var (name, value) in values)
        {
            try
            {
                normalized[name] = Normalizer.Normalize(value);
            }
            catch (TranslationException e)
            {
                faults.Add($"{type.Name}.{name}: {e.Message}");
            }
        }
        return normalized;
    }

    private static Dictionary<string, Expression> ValuesOf(Type type, LambdaExpression row)
    {
        var values = new Dictionary<string, Expression>();
        var body = row.Body;
        if (body is MemberInitExpression init)
        {
            foreach (var binding in init.Bindings.OfType<MemberAssignment>())
                values[binding.Member.Name] = binding.Expression;
            body = init.NewExpression;
        }
        if (body is NewExpression { Constructor: { } constructor } made && made.Type == type)
        {
            // A positional record's parameters are called like its properties.
            foreach (var (parameter, argument) in constructor.GetParameters().Zip(made.Arguments))
                values[parameter.Name!] = argument;
        }
        return values;
    }

    private static Type? InterfaceOf(Type type) =>
        type.GetInterfaces().FirstOrDefault(of =>
            of.IsGenericType && of.GetGenericTypeDefinition() == typeof(IFact<,>) && of.GetGenericArguments()[1] == type);
}
