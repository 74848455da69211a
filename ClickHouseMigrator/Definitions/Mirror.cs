using System.Reflection;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>The entities' tables that are mirrored.</summary>
internal sealed class Mirror
{
    private readonly Dictionary<ITable, MirroredTable> _tables = [];

    /// <param name="model">EF Core's model.</param>
    /// <param name="faults">What is wrong goes here.</param>
    public Mirror(IModel model, List<string> faults)
    {
        foreach (var table in model.GetRelationalModel().Tables.OrderBy(
            table => (table.Schema ?? "public", table.Name), Comparer<(string, string)>.Create(
            (a, b) => string.CompareOrdinal(a.Item1 == "public" ? "" : a.Item1, b.Item1 == "public" ? "" : b.Item1) is not 0 and var order
                ? order
                : string.CompareOrdinal(a.Item2, b.Item2))))
        {
            if (table.EntityTypeMappings.Select(mapping => mapping.TypeBase.ClrType)
                .FirstOrDefault(type => type.IsDefined(typeof(ReplicatedAttribute))) is { } entity)
                _tables.Add(table, MirroredTable.Read(table, entity, faults));
        }
    }

    /// <summary>The tables, those of schema <c>public</c> first, in the order of their names.</summary>
    public IEnumerable<MirroredTable> Tables => _tables.Values;

    /// <summary>The table of an entity; null if it is not mirrored.</summary>
    public MirroredTable? Find(ITypeBase entity) =>
        entity.GetTableMappings().Select(mapping => (ITable)mapping.Table).FirstOrDefault() is { } table
            ? _tables.GetValueOrDefault(table)
            : null;
}
