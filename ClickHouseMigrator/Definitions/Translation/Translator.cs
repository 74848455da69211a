using System.Linq.Expressions;
using System.Reflection;
using AspireCdc.Star;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Types;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>
/// Translates the values of a fact into ClickHouse's SQL, with the meaning that PostgreSQL gives to the same expression by EF Core: NULL,
/// exact numbers, division, text. What has no exact form is
/// refused, with the expression.
/// </summary>
internal sealed partial class Translator(FactRows rows)
{
    /// <summary>A column of a fact: its type, from what the property says or the value is, and the SQL that has this type.</summary>
    /// <exception cref="TranslationException">The value has no translation, or does not fit the property.</exception>
    public (ColumnType Type, string Sql) Column(PropertyInfo property, Expression expression)
    {
        var isPlain = rows.FindColumn(StripNullable(expression)) is not null;
        var value = isPlain ? Member(rows.FindColumn(StripNullable(expression))!) : Translate(expression);
        var clr = ClrTypes.Bare(property.PropertyType);
        var asked = Asked(property, value);
        var name = asked ?? (isPlain ? null : Inferred(property, value));
        var type = name is null ? Parse(value.Type!) : Parse(name);
        if (value.NullBy is not null)
            type = type.WithNull()
                ?? throw new TranslationException($"{value.NullBy}, and {type} holds no NULL in ClickHouse: leave it out");
        if (value.NullBy is not null && !TakesNull(property))
            throw new TranslationException(
                $"it takes no null, and {value.NullBy}: make it {Nullable(property)}, or say what stands in its place (??)");
        if (!ClrTypes.Fits(clr, type))
            throw new TranslationException($"it is {clr.Name}, and the column is {type}: give both one type");
        if (isPlain && asked is not null && !IsExactCast(value, type))
            throw new TranslationException(
                $"{expression} is {value.Type}, and {type} does not hold each of its values: ask for a wider type");
        CheckSpan(property, value, type);
        return (type, value.Type == type.Name ? value.Sql : $"CAST({value.Sql}, {ClickHouseSql.Quote(type.Name)})");
    }

    private static bool IsExactCast(Value value, ColumnType type) =>
        Star.Difference.Conversion.IsWider(Parse(value.Type!).WithoutNull(), type.WithoutNull());

    private static string? Asked(PropertyInfo property, Value value)
    {
        if (property.GetCustomAttribute<ClickHouseTypeAttribute>() is { } wanted)
            return wanted.Type;
        if (property.GetCustomAttribute<PrecisionAttribute>() is { } precision && value.Clr == typeof(decimal))
            return $"Decimal({precision.Precision}, {precision.Scale ?? 0})";
        return property.IsDefined(typeof(CategoryAttribute)) ? "LowCardinality(String)" : null;
    }

    private static string Inferred(PropertyInfo property, Value value)
    {
        var clr = ClrTypes.Bare(property.PropertyType);
        if (clr == typeof(decimal))
        {
            return value.Span is { } span
                ? $"Decimal({Math.Max(span.Digits, 1)}, {span.Scale})"
                : throw new TranslationException("its number of digits is not known: say [Precision(…, …)]");
        }
        return ClrTypes.NameOf(clr)
            ?? throw new TranslationException($"there is no type for {clr.Name}: say which with [ClickHouseType(…)]");
    }

    /// <summary>
    /// An exact number has to have room in the column, whatever the rows hold: a cast would give another number, or stop all work.
    /// </summary>
    private static void CheckSpan(PropertyInfo property, Value value, ColumnType type)
    {
        if (value.Span is not { } span || ClrTypes.SpanOf(type) is not { } room)
            return;
        if (span.Scale > room.Scale)
            throw new TranslationException(
                $"its value has {span.Scale} digits after the point, and the column {room.Scale}: say " +
                $"[Precision({Math.Max(span.Digits, 1)}, {span.Scale})], or round it (Math.Round)");
        if (span.At(room.Scale).Max > room.Max)
        {
            throw new TranslationException(property.PropertyType == typeof(decimal) || property.PropertyType == typeof(decimal?)
                ? $"its value may have {span.At(room.Scale).Digits} digits, and the column has {room.Digits}: say " +
                    $"[Precision({span.At(room.Scale).Digits}, {room.Scale})]"
                : $"its value may be too large for {type}: make it long or decimal");
        }
    }

    /// <summary>The value of any expression.</summary>
    private Value Translate(Expression expression)
    {
        if (rows.FindColumn(expression) is { } column)
            return Operand(column);
        return expression switch
        {
            ConstantExpression constant =>
                Literals.Of(constant.Value, constant.Type) ?? (constant.Value is Enum ? EnumOf(constant) : throw Refuse(expression)),
            UnaryExpression unary => Unary(unary),
            BinaryExpression { NodeType: ExpressionType.Coalesce } coalesce => Coalesce(coalesce),
            BinaryExpression binary => Binary(binary),
            ConditionalExpression condition => Conditional(condition),
            MemberExpression { Expression: { } of } member => MemberOf(member, of),
            MethodCallExpression call => Call(call),
            _ => throw Refuse(expression),
        };
    }

    private static Value EnumOf(ConstantExpression constant) =>
        new("", constant.Type, null) { Constant = constant.Value, IsConstant = true };

    /// <summary>A column as it stands.</summary>
    private static Value Member(FactValue found)
    {
        var type = found.Column.Mapping.Type;
        var nullBy = found.Row.OptionalBy ?? (type.TakesNull ? $"{found.Row.Path}.{found.Property.Name} may be null" : null);
        if (found.Row.OptionalBy is not null && type.WithNull() is null)
            throw new TranslationException(
                $"{found.Row.OptionalBy}, and {type} holds no NULL in ClickHouse: leave {found.Row.Path}.{found.Property.Name} out");
        var sql = $"{Identifier(found.Row.Alias)}.{Identifier(found.Column.Mapping.Landing)}";
        return new Value(sql, ClrTypes.Bare(found.Property.ClrType), nullBy)
        {
            Type = (found.Row.OptionalBy is null ? type : type.WithNull()!).Name,
            Span = ClrTypes.SpanOf(type),
            Literal = LiteralOf(found),
        };
    }

    /// <summary>A column within an expression: it has to be there what it is in .NET.</summary>
    private static Value Operand(FactValue found)
    {
        var value = Member(found);
        var type = found.Column.Mapping.Type;
        if (value.Literal is null && !ClrTypes.Fits(value.Clr, type))
            throw new TranslationException(
                $"{found.Row.Path}.{found.Property.Name} is {value.Clr.Name}, and {type} in ClickHouse: it can " +
                "be shown as it is, and not computed with");
        // PostgreSQL pads char(n) when it shows it, and leaves the padding away in whatever it computes.
        return found.Column.Mapping.Postgres.StartsWith("character(", StringComparison.Ordinal)
            ? value with { Sql = $"trimRight({value.Sql})", Type = null }
            : value;
    }

    /// <summary>How a value of a column that EF Core converts stands in the database: an enumeration as a number or a text.</summary>
    private static Func<object, string>? LiteralOf(FactValue found)
    {
        if (!ClrTypes.Bare(found.Property.ClrType).IsEnum)
            return null;
        var mapping = found.Property.GetRelationalTypeMapping();
        return value =>
        {
            // 'label'::enum, 'text' or 7.
            var sql = mapping.GenerateSqlLiteral(value);
            var end = sql.LastIndexOf('\'');
            return sql.StartsWith('\'') ? ClickHouseSql.Quote(sql[1..end].Replace("''", "'")) : sql;
        };
    }

    private static TranslationException Refuse(Expression expression) =>
        new($"{expression} has no translation: write it in other words, or as Sql.Raw<{ClrTypes.Bare(expression.Type).Name}>($\"…\")");

    private static Expression StripNullable(Expression expression) =>
        expression is UnaryExpression { NodeType: ExpressionType.Convert } convert
            && ClrTypes.Bare(convert.Type) == ClrTypes.Bare(convert.Operand.Type) ? StripNullable(convert.Operand) : expression;

    private static ColumnType Parse(string name) =>
        ColumnType.TryParse(name, out var type)
            ? type
            : throw new TranslationException($"'{name}' is no type that a column can have: docs/types.md has those that are");

    private static bool TakesNull(PropertyInfo property) => property.PropertyType.IsValueType
        ? System.Nullable.GetUnderlyingType(property.PropertyType) is not null
        : new NullabilityInfoContext().Create(property).ReadState != NullabilityState.NotNull;

    private static string Nullable(PropertyInfo property) => $"{ClrTypes.Bare(property.PropertyType).Name}?";

    private static string Identifier(string name) =>
        name.All(character => character is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_') && !char.IsAsciiDigit(name[0])
            && name is not "order" ? name : ClickHouseSql.Name(name);
}
