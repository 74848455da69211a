using System.Linq.Expressions;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>Operators, conditions and casts.</summary>
internal sealed partial class Translator
{
    private Value Unary(UnaryExpression expression)
    {
        switch (expression.NodeType)
        {
            case ExpressionType.Convert or ExpressionType.ConvertChecked:
                return Cast(expression);
            case ExpressionType.Not when ClrTypes.Bare(expression.Type) == typeof(bool):
                var flag = Translate(expression.Operand);
                return flag with { Sql = $"NOT ({flag.Sql})", Type = null, Literal = null };
            case ExpressionType.Negate or ExpressionType.NegateChecked:
                var number = Translate(expression.Operand);
                return ClrTypes.IsExact(number.Clr) || ClrTypes.IsFloat(number.Clr)
                    ? number with
                    {
                        Sql = $"(-{Widened(number)})",
                        Type = null,
                        Span = number.Span?.Plus(Span.Of(1)),
                        Constant = null,
                        IsConstant = false
                    }
                    : throw Refuse(expression);
            default:
                throw Refuse(expression);
        }
    }

    private Value Cast(UnaryExpression expression)
    {
        var value = Translate(expression.Operand);
        var (from, to) = (value.Clr, ClrTypes.Bare(expression.Type));
        if (from == to || to == typeof(object))
            return value;
        if (from.IsEnum || to.IsEnum)
        {
            // C# compares enumerations as numbers; the other side then is a number that stands for one.
            return to.IsEnum || value.Literal is not null || value.Constant is Enum ? value : throw Refuse(expression);
        }
        if (ClrTypes.IsInteger(from) && ClrTypes.IsExact(to))
            return value with { Clr = to };
        if (from == typeof(decimal) && ClrTypes.IsInteger(to))
        {
            return value.Span is { Scale: 0 } ? value with { Clr = to }
                : throw new TranslationException(
                    $"{expression} cuts digits off, which PostgreSQL rounds: say Math.Floor, Math.Ceiling or Math.Round first");
        }
        if (ClrTypes.IsInteger(from) && ClrTypes.IsFloat(to))
            return new Value($"{FloatCast(to)}({value.Sql})", to, value.NullBy);
        if (from == typeof(decimal) && to == typeof(double))
        {
            // Fifteen digits are a double's own; more are rounded twice.
            return value.Span is { Digits: <= 15 } ? new Value($"toFloat64({value.Sql})", to, value.NullBy)
                : throw new TranslationException(
                    $"{expression} does not hold each digit: only decimals of at most 15 digits are cast to double");
        }
        if (from == typeof(float) && to == typeof(double))
            return new Value($"toFloat64({value.Sql})", to, value.NullBy);
        throw Refuse(expression);
    }

    private static string FloatCast(Type type) => type == typeof(float) ? "toFloat32" : "toFloat64";

    private Value Binary(BinaryExpression expression)
    {
        if (expression.NodeType is ExpressionType.AndAlso or ExpressionType.OrElse or ExpressionType.And or ExpressionType.Or
            && ClrTypes.Bare(expression.Type) == typeof(bool))
        {
            var (one, other) = (Translate(expression.Left), Translate(expression.Right));
            var word = expression.NodeType is ExpressionType.AndAlso or ExpressionType.And ? "AND" : "OR";
            return new Value($"(({one.Sql}) {word} ({other.Sql}))", typeof(bool), one.NullBy ?? other.NullBy);
        }
        if (expression.NodeType is ExpressionType.Equal or ExpressionType.NotEqual)
            return Equality(expression);
        if (expression.Left.Type == typeof(string) && expression.NodeType == ExpressionType.Add)
            return Concatenation(expression);

        var (left, right) = (Translate(expression.Left), Translate(expression.Right));
        return expression.NodeType switch
        {
            ExpressionType.LessThan => Comparison(expression, left, "<", right),
            ExpressionType.LessThanOrEqual => Comparison(expression, left, "<=", right),
            ExpressionType.GreaterThan => Comparison(expression, left, ">", right),
            ExpressionType.GreaterThanOrEqual => Comparison(expression, left, ">=", right),
            ExpressionType.Add or ExpressionType.AddChecked => Sum(expression, left, "+", right),
            ExpressionType.Subtract or ExpressionType.SubtractChecked => Sum(expression, left, "-", right),
            ExpressionType.Multiply or ExpressionType.MultiplyChecked => Product(expression, left, right),
            ExpressionType.Divide => Quotient(expression, left, right),
            ExpressionType.Modulo => Remainder(expression, left, right),
            _ => throw Refuse(expression),
        };
    }

    /// <summary>As C# means it and EF Core writes it: two NULLs are equal, and the result is none.</summary>
    private Value Equality(BinaryExpression expression)
    {
        var not = expression.NodeType == ExpressionType.NotEqual ? "NOT " : "";
        var (left, right) = Paired(Translate(expression.Left), Translate(expression.Right), expression);
        if (left is { IsConstant: true, Constant: null } || right is { IsConstant: true, Constant: null })
        {
            var value = left is { IsConstant: true, Constant: null } ? right : left;
            return new Value($"({value.Sql} {(not.Length > 0 ? "IS NOT NULL" : "IS NULL")})", typeof(bool), null);
        }

        var equal = $"{left.Sql} = {right.Sql}";
        return new Value(
            (left.NullBy, right.NullBy) switch
            {
                (null, null) => $"({left.Sql} {(not.Length > 0 ? "!=" : "=")} {right.Sql})",
                (not null, not null) => $"({not}ifNull({equal}, ({left.Sql} IS NULL) AND ({right.Sql} IS NULL)))",
                _ => $"({not}ifNull({equal}, false))",
            },
            typeof(bool), null);
    }

    /// <summary>A comparison with NULL is NULL, as in PostgreSQL; a condition takes that for false.</summary>
    private static Value Comparison(Expression expression, Value left, string sign, Value right)
    {
        if (left.Clr == typeof(string) || left.Literal is not null)
            throw Refuse(expression);
        return new Value($"({left.Sql} {sign} {right.Sql})", typeof(bool), left.NullBy ?? right.NullBy);
    }

    /// <summary>A constant that stands for an enumeration's value, as the column beside it holds that.</summary>
    private static (Value Left, Value Right) Paired(Value left, Value right, Expression expression)
    {
        if (left.Literal is null && right.Literal is null && (left.Constant is Enum || right.Constant is Enum))
            throw Refuse(expression);
        return (As(left, right), As(right, left));

        static Value As(Value value, Value column) =>
            column.Literal is { } literal && value is { IsConstant: true, Constant: { } constant }
                ? value with { Sql = literal(constant is Enum ? constant : Enum.ToObject(column.Clr, constant)) }
                : value;
    }

    private Value Conditional(ConditionalExpression expression)
    {
        var test = Translate(expression.Test);
        var (yes, no, result) = Common(expression, Translate(expression.IfTrue), Translate(expression.IfFalse));
        return result with { Sql = $"if({test.Sql}, {yes}, {no})" };
    }

    private Value Coalesce(BinaryExpression expression)
    {
        var (left, right) = (Translate(expression.Left), Translate(expression.Right));
        var (first, second, result) = Common(expression, left, right);
        return result with { Sql = $"ifNull({first}, {second})", NullBy = right.NullBy };
    }

    /// <summary>Two values in the type that holds both.</summary>
    private static (string Left, string Right, Value Result) Common(Expression expression, Value left, Value right)
    {
        var clr = left is { IsConstant: true, Constant: null } ? right.Clr : left.Clr;
        var nullBy = left.NullBy ?? right.NullBy;
        var span = left.Span is { } one && right.Span is { } other ? one.Or(other) : null;
        string name;
        if (span is not null)
            name = span.Scale == 0 && span.Max <= long.MaxValue && ClrTypes.IsInteger(clr)
                ? "Int64"
                : $"Decimal({Digits(expression, span)}, {span.Scale})";
        else if (left.Literal is not null || right.Literal is not null)
            throw Refuse(expression);
        else
            name = ClrTypes.NameOf(clr) ?? throw Refuse(expression);
        return (To(left), To(right), new Value("", clr, nullBy) { Span = span });

        string To(Value value) => $"CAST({value.Sql}, {ClickHouseSql.Quote(value.NullBy is null ? name : $"Nullable({name})")})";
    }

    /// <summary>38 or 76: the two sizes in which ClickHouse computes.</summary>
    private static int Digits(Expression expression, Span span) => span.Digits switch
    {
        <= 38 => 38,
        <= 76 => 76,
        var digits => throw new TranslationException(
            $"{expression} may have {digits} digits, and ClickHouse computes with 76: round a part of it (Math.Round)"),
    };
}
