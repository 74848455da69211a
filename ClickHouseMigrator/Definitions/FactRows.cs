using System.Linq.Expressions;
using AspireCdc.ClickHouseMigrator.Definitions.Translation;
using AspireCdc.Star;
using AspireCdc.Star.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>
/// The rows that a fact shows: its root, and what it navigates to. A way from the root is a row; two ways to one table are two rows.
/// </summary>
internal sealed class FactRows
{
    private readonly Mirror _mirror;
    private readonly FactRow _root;
    private readonly string _fact;
    private readonly List<string> _faults;
    private readonly ParameterExpression _parameter;
    private readonly List<ParentMapping> _parents = [];
    private readonly Dictionary<string, FactRow> _rows = [];

    public FactRows(Mirror mirror, MirroredTable root, IEntityType entity, ParameterExpression parameter, string fact, List<string> faults)
    {
        _mirror = mirror;
        _root = new(FactMapping.RootAlias, root, entity, null, parameter.Name!);
        _parameter = parameter;
        _fact = fact;
        _faults = faults;
    }

    /// <summary>The rows beside the root, each after the one that points to it.</summary>
    public IReadOnlyList<ParentMapping> Parents => _parents;

    /// <summary>The column that an expression is, and nothing else; null if it is another kind of expression.</summary>
    /// <exception cref="TranslationException">It is a member that has no column in ClickHouse.</exception>
    public FactValue? FindColumn(Expression expression)
    {
        var (owner, name) = expression switch
        {
            MemberExpression { Expression: { } of } member => (of, member.Member.Name),
            MethodCallExpression
            {
                Method: { Name: nameof(EF.Property), DeclaringType: var type },
                Arguments: [var of, ConstantExpression { Value: string shadow }]
            } when type == typeof(EF) => (of, shadow),
            _ => (null, ""),
        };
        if (owner is null || FindRow(owner) is not { } row)
            return null;
        if (row.Entity.FindProperty(name) is not { } property)
        {
            var isNavigation = row.Entity is IEntityType entity
                && (entity.FindNavigation(name) is not null || entity.FindSkipNavigation(name) is not null);
            throw new TranslationException(isNavigation
                ? $"{expression} is a row or a list of rows, and no value"
                : $"{expression} is no column of {row.Entity.ClrType.Name}");
        }
        return row.Table.Find(property) is { } column
            ? new FactValue(row, column, property)
            : throw new TranslationException(property.Has<UnreplicatedAttribute>()
                ? $"{expression} is not mirrored: take [Unreplicated] away from it"
                : $"{expression} has no type in ClickHouse");
    }

    /// <summary>The expression is this column of the root's, unchanged.</summary>
    public bool IsRootColumn(Expression expression, MirroredColumn column) =>
        FindColumn(expression) is { } value && value.Row == _root && value.Column == column;

    private FactRow? FindRow(Expression expression)
    {
        if (expression == _parameter)
            return _root;
        if (expression is UnaryExpression { NodeType: ExpressionType.Convert or ExpressionType.TypeAs } cast)
            return FindRow(cast.Operand);
        if (expression is not MemberExpression { Expression: { } of } member || FindRow(of) is not { } child)
            return null;
        if (child.Entity.FindComplexProperty(member.Member.Name) is { } complex)
            return child with { Entity = complex.ComplexType };
        if (child.Entity is not IEntityType entity || entity.FindNavigation(member.Member.Name) is not { } navigation)
            return null;
        if (navigation.ForeignKey.IsOwnership && _mirror.Find(navigation.TargetEntityType) == child.Table)
            return child with { Entity = navigation.TargetEntityType };
        return navigation is { IsOnDependent: true }
            ? Parent(child, navigation, member)
            : throw new TranslationException(
                $"{member} goes to rows that point to this one: a fact follows foreign keys, and begins at the row that points");
    }

    private FactRow Parent(FactRow child, INavigation navigation, MemberExpression member)
    {
        var step = FactRecord.SnakeCase(navigation.Name);
        var alias = child.Alias == FactMapping.RootAlias ? step : $"{child.Alias}__{step}";
        if (alias == FactMapping.RootAlias)
            alias += "_";
        if (_rows.TryGetValue(alias, out var known))
            return known;

        var key = navigation.ForeignKey;
        var target = key.PrincipalEntityType.ClrType.Name;
        if (_mirror.Find(key.PrincipalEntityType) is not { } table)
            throw new TranslationException($"{member} is a row of {target}, which is not mirrored: mark {target} [Replicated]");
        if (!key.PrincipalKey.IsPrimaryKey())
        {
            throw new TranslationException(
                $"{member} points to {target} by {string.Join(", ", key.PrincipalKey.Properties.Select(property => property.Name))}, " +
                "and rows are known by the primary key only: point to that");
        }

        var pairs = key.PrincipalKey.Properties.Zip(key.Properties).ToList();
        var pointing = new List<MirroredColumn>();
        foreach (var column in table.Key)
        {
            var property = pairs.First(pair => column.Properties.Contains(pair.First)).Second;
            pointing.Add(child.Table.Find(property) ?? throw new TranslationException(
                $"{member} is reached by {child.Entity.ClrType.Name}.{property.Name}, which is not " +
                "mirrored: take [Unreplicated] away from it"));
        }

        var optional = child.OptionalBy ?? (key.IsRequired
            ? null
            : $"{member} may be missing, since {string.Join(", ", key.Properties.Select(property => property.Name))} takes NULL");
        var row = new FactRow(alias, table, key.PrincipalEntityType, optional, member.ToString());
        _rows.Add(alias, row);
        _parents.Add(new ParentMapping(
            alias, table.Source, child.Alias, [.. pointing.Select(column => column.Mapping.Landing)],
            child.Table.CompanionOf(pointing).Name, IsOptional: optional is not null));
        return row;
    }
}

/// <summary>A row that a fact shows.</summary>
/// <param name="Alias">Its alias in expressions.</param>
/// <param name="Table">Its table.</param>
/// <param name="Entity">Its entity, or the part of it that an owned or complex type is.</param>
/// <param name="OptionalBy">Why it may not be there; null if it always is.</param>
/// <param name="Path">How the definition reaches it.</param>
internal sealed record FactRow(string Alias, MirroredTable Table, ITypeBase Entity, string? OptionalBy, string Path);

/// <summary>A column of a row.</summary>
internal sealed record FactValue(FactRow Row, MirroredColumn Column, IProperty Property);
