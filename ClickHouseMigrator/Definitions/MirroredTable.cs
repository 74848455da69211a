using System.Reflection;
using AspireCdc.Star;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>A mirrored table, with what only the definitions know of it.</summary>
internal sealed class MirroredTable
{
    /// <summary>PostgreSQL's own columns (its documentation, "System Columns"): Npgsql keeps a row's version in xmin.</summary>
    private static readonly string[] ServersOwn = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

    private readonly Dictionary<string, Companion> _companions = [];
    private readonly TableMapping _mapping;

    private MirroredTable(Type entity, TableMapping mapping, IReadOnlyList<MirroredColumn> columns)
    {
        Entity = entity;
        Columns = columns;
        _mapping = mapping;
        Was = entity.GetCustomAttribute<WasCalledAttribute>()?.Name;
        Dropped = [.. entity.GetCustomAttributes<DroppedAttribute>().Select(dropped => dropped.Name)];
    }

    /// <summary>The class that says that it is mirrored.</summary>
    public Type Entity { get; }

    /// <summary>Its columns.</summary>
    public IReadOnlyList<MirroredColumn> Columns { get; }

    /// <summary>What the table was called before; null where nothing was said.</summary>
    public string? Was { get; }

    /// <summary>Columns that are gone on purpose.</summary>
    public IReadOnlyList<string> Dropped { get; }

    /// <summary>Its identity.</summary>
    public string Source => _mapping.Source;

    /// <summary>Its rows have no key.</summary>
    public bool AppendOnly => _mapping.AppendOnly;

    /// <summary>The key's columns, in the model's order.</summary>
    public IEnumerable<MirroredColumn> Key => Columns.Where(column => column.Mapping.IsKey);

    /// <summary>The column of a property; null if it is not mirrored.</summary>
    public MirroredColumn? Find(IProperty property) => Columns.FirstOrDefault(column => column.Properties.Contains(property));

    /// <summary>The companion over these columns, which is made if no fact has asked for it yet.</summary>
    public Companion CompanionOf(IReadOnlyList<MirroredColumn> pointing)
    {
        string[] names = [.. pointing.Select(column => column.Mapping.Landing)];
        var by = string.Join('_', names.Select(name => name.EndsWith("_id", StringComparison.Ordinal) ? name[..^3] : name));
        var companion = new Companion($"{(_mapping.Schema == "public" ? "" : _mapping.Schema + "_")}{_mapping.Name}_by_{by}", names);
        _companions.TryAdd(companion.Name, companion);
        return _companions[companion.Name];
    }

    /// <summary>The table with the companions that facts have asked for.</summary>
    public TableMapping WithCompanions() =>
        _mapping with { Companions = [.. _companions.Values.OrderBy(companion => companion.Name, StringComparer.Ordinal)] };

    /// <summary>Reads it from EF Core's model.</summary>
    public static MirroredTable Read(ITable table, Type entity, List<string> faults)
    {
        var replicated = entity.GetCustomAttribute<ReplicatedAttribute>()!;
        var schema = table.Schema ?? "public";
        var key = table.PrimaryKey?.Columns ?? [];
        if (key.Count == 0 && !replicated.AppendOnly)
            faults.Add(
                $"{entity.Name}: it has no primary key, by which a row's changes are known: give it one, or say [Replicated(AppendOnly " +
                "= true)] if its rows are only ever inserted");

        var columns = new List<MirroredColumn>();
        foreach (var column in table.Columns.Where(column => !ServersOwn.Contains(column.Name)).OrderBy(Place))
        {
            var property = MemberOf(column);
            var path = $"{entity.Name}.{property?.Name ?? column.Name}";
            if (property.Has<UnreplicatedAttribute>())
            {
                if (key.Contains(column))
                    faults.Add(
                        $"{path}: it is part of the primary key, which has " +
                        "to be mirrored: take [Unreplicated] away");
                continue;
            }
            var isKey = !replicated.AppendOnly && key.Contains(column);
            var landing = property.Mark<ReplicatedAsAttribute>()?.Name
                ?? (isKey && key.Count == 1 && column.Name == "id" ? $"{table.Name}_id" : column.Name);
            // A search index of other columns is no value to mirror, unless its text is asked for.
            if (PostgresNames.Of(column.StoreType) is "tsvector" or "tsquery" && !property.Has<ClickHouseTypeAttribute>())
                continue;
            if (TypeOf(table.Model.Model, column, isKey, path, faults) is { } type)
                columns.Add(new(new(column.Name, PostgresNames.Of(column.StoreType), landing, type, isKey),
                    [.. column.PropertyMappings.Select(mapping => mapping.Property)]));
        }

        return new(entity, new TableMapping
        {
            Schema = schema,
            Name = table.Name,
            Landing = replicated.As ?? $"{(schema == "public" ? "" : schema + "_")}{table.Name}_landing",
            AppendOnly = replicated.AppendOnly,
            Columns = [.. columns.Select(column => column.Mapping)],
        }, columns);
    }

    private static ColumnType? TypeOf(IModel model, IColumn column, bool isKey, string path, List<string> faults)
    {
        var property = MemberOf(column);
        var store = PostgresNames.Of(column.StoreType);
        var isEnum = model.GetPostgresEnums().Any(known => known.Name == store || $"{known.Schema}.{known.Name}" == store);
        // Of a domain EF Core knows what .NET type it is.
        var asked = property.Mark<ClickHouseTypeAttribute>()?.Type;
        var text = isEnum || PostgresNames.IsKnown(store) || asked is not null ? store
            : column.PropertyMappings is [var mapping, ..] ? PostgresNames.OfClr(mapping.Property) ?? store
            : store;
        if (asked is null && text == "numeric" && property.Mark<PrecisionAttribute>() is { } precision)
            text = $"numeric({precision.Precision},{precision.Scale ?? 0})";

        var choice = PostgresTypes.For(
            new PostgresType(text, isEnum ? PostgresKind.Enum : PostgresKind.Base), column.IsNullable && !isKey,
            property.Has<CategoryAttribute>(), asked);
        if (choice.Type is null)
            faults.Add($"{path}: it {choice.Refusal}; [Unreplicated] leaves it out");
        return choice.Type;
    }

    /// <summary>
    /// The property that is kept in the column, or that holds what is kept in it as JSON; null where the class has none.
    /// </summary>
    private static PropertyInfo? MemberOf(IColumn column)
    {
        if (column.PropertyMappings is [var mapping, ..])
            return mapping.Property.PropertyInfo;
        var entities = column.Table.EntityTypeMappings.Select(entity => entity.TypeBase).OfType<IEntityType>().ToList();
        return entities.SelectMany(entity => entity.GetNavigations())
            .FirstOrDefault(navigation => navigation.TargetEntityType.GetContainerColumnName() == column.Name)?.PropertyInfo
            ?? entities.SelectMany(entity => entity.GetComplexProperties())
                .FirstOrDefault(complex => complex.ComplexType.GetContainerColumnName() == column.Name)?.PropertyInfo;
    }

    /// <summary>
    /// As the class declares them: what [Column(Order = …)] says, then those of its bases, each in its order, then what has no property.
    /// </summary>
    private static (int, int, int) Place(IColumn column)
    {
        var property = column.PropertyMappings.FirstOrDefault()?.Property;
        var member = MemberOf(column);
        var depth = 0;
        for (var type = member?.DeclaringType; type?.BaseType is not null; type = type.BaseType)
            depth++;
        return (property?.GetColumnOrder() ?? int.MaxValue, member is null ? int.MaxValue : depth,
            member?.MetadataToken ?? property?.GetIndex() ?? int.MaxValue);
    }
}

/// <summary>A mirrored column.</summary>
/// <param name="Mapping">The column.</param>
/// <param name="Properties">The properties that are kept in it.</param>
internal sealed record MirroredColumn(ColumnMapping Mapping, IReadOnlyList<IProperty> Properties)
{
    /// <summary>What the column was called before; null where nothing was said.</summary>
    public string? Was => Properties.Select(property => property.Mark<WasCalledAttribute>()?.Name).FirstOrDefault(name => name is not null);
}
