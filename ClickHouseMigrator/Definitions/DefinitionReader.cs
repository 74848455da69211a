using System.Reflection;
using AspireCdc.Star;
using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>Reads entities and facts; no server is asked.</summary>
internal static class DefinitionReader
{
    /// <summary>What the assembly defines: the model of its context, and all facts.</summary>
    /// <exception cref="DefinitionException">Something is wrong; all of it is named.</exception>
    public static Definition Read(Assembly assembly)
    {
        using var context = DesignTimeContext.Create(assembly);
        return Read(context, assembly.GetTypes().Where(FactReader.IsFact));
    }

    /// <summary>The same for a context and some facts.</summary>
    /// <param name="context">The context; it is not connected.</param>
    /// <param name="facts">Types that are an <see cref="IFact{TRoot, TFact}"/>.</param>
    /// <exception cref="DefinitionException">Something is wrong; all of it is named.</exception>
    public static Definition Read(DbContext context, IEnumerable<Type> facts)
    {
        var faults = new List<string>();
        // The model that the application runs with leaves out what only tools ask for.
        var entities = context.GetService<IDesignTimeModel>().Model;
        var mirror = new Mirror(entities, faults);
        var reader = new FactReader(context, entities, mirror, faults);
        List<FactMapping> mappings =
            [.. facts.OrderBy(FactRecord.TableOf, StringComparer.Ordinal).Select(reader.Read).OfType<FactMapping>()];
        var model = new StarModel([.. mirror.Tables.Select(table => table.WithCompanions())], mappings);
        if (faults.Count == 0)
            faults.AddRange(ModelCheck.FaultsOf(model));
        return faults.Count == 0 ? new Definition(model, SaidBy(context, mirror, reader)) : throw new DefinitionException(faults);
    }

    private static SaidChanges SaidBy(DbContext context, Mirror mirror, FactReader facts) => new()
    {
        TablesWere = mirror.Tables.Where(table => table.Was is not null).ToDictionary(table => table.Source, table => table.Was!),
        ColumnsWere = mirror.Tables.SelectMany(table => table.Columns.Where(column => column.Was is not null), (table, column) =>
            (table, column))
            .ToDictionary(pair => (pair.table.Source, pair.column.Mapping.Source), pair => pair.column.Was!),
        FactsWere = facts.Were,
        DroppedColumns = mirror.Tables.SelectMany(table => table.Dropped, (table, column) => (table.Source, column)).ToHashSet(),
        Dropped = context.GetType().GetCustomAttributes<DroppedAttribute>().Select(dropped => dropped.Name).ToHashSet(),
    };
}
