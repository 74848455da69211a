using System.Globalization;
using System.Linq.Expressions;
using System.Numerics;
using AspireCdc.Star.ClickHouse;

namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>Arithmetic. Exact numbers are widened first, so that no result runs over on the way.</summary>
internal sealed partial class Translator
{
    private static Value Sum(Expression expression, Value left, string sign, Value right)
    {
        if (ClrTypes.IsFloat(left.Clr))
            return Float(expression, left, sign, right);
        if (left.Span is null || right.Span is null)
            throw Refuse(expression);

        var span = left.Span.Plus(right.Span);
        return Exact(expression, span, left, right, (one, other) => $"({one} {sign} {other})", left.NullBy ?? right.NullBy);
    }

    private static Value Product(Expression expression, Value left, Value right)
    {
        if (ClrTypes.IsFloat(left.Clr))
            return Float(expression, left, "*", right);
        if (left.Span is null || right.Span is null)
            throw Refuse(expression);

        return Exact(expression, left.Span.Times(right.Span), left, right, (one, other) => $"{one} * {other}", left.NullBy ?? right.NullBy);
    }

    /// <summary>
    /// Integers are divided as integers. Of decimals only a division by a constant that ends is exact; PostgreSQL's own quotient has an end
    /// where it likes.
    /// </summary>
    private static Value Quotient(Expression expression, Value left, Value right)
    {
        if (ClrTypes.IsFloat(left.Clr))
            return Float(expression, left, "/", Divisor(right));
        if (left.Span is null || right.Span is null)
            throw Refuse(expression);

        if (ClrTypes.IsInteger(left.Clr))
        {
            var divisor = Divisor(right);
            // Wider, since the least Int32 by -1 is no Int32; in PostgreSQL that row has no value at all.
            return new Value($"intDiv({(left.Span.Max > int.MaxValue ? "toInt128" : "toInt64")}({left.Sql}), {divisor.Sql})", left.Clr,
                left.NullBy ?? divisor.NullBy)
            { Span = left.Span };
        }
        if (right.Constant is { } constant && Inverse(Convert.ToDecimal(constant, CultureInfo.InvariantCulture)) is { } factor)
            return Product(expression, left, Literals.Of(factor, typeof(decimal))!);
        throw new TranslationException(
            $"{expression} has no exact result: divide by a constant that ends (100m), cast both sides to double, or say " +
            $"Sql.Raw<decimal>($\"…\")");
    }

    private static Value Remainder(Expression expression, Value left, Value right)
    {
        if (!ClrTypes.IsInteger(left.Clr) || left.Span is null || right.Span is null)
            throw Refuse(expression);
        var divisor = Divisor(right);
        return new Value($"({left.Sql} % {divisor.Sql})", left.Clr, left.NullBy ?? divisor.NullBy) { Span = right.Span };
    }

    /// <summary>PostgreSQL refuses to divide by zero; a row of a fact cannot be refused, and shows NULL.</summary>
    private static Value Divisor(Value value)
    {
        var isZero = value.Constant is { } constant && Convert.ToDouble(constant, CultureInfo.InvariantCulture) == 0;
        return value.Constant is not null && !isZero ? value
            : value with
            {
                Sql = $"nullIf({value.Sql}, 0)",
                NullBy = value.NullBy
                ?? $"{value.Sql} may be 0, by which nothing can be divided",
                Type = null
            };
    }

    private static Value Float(Expression expression, Value left, string sign, Value right)
    {
        if (left.Clr != typeof(double) || right.Clr != typeof(double))
            throw new TranslationException(
                $"{expression} computes with float, by rules of each database's own: cast both sides to double first");
        return new Value($"({left.Sql} {sign} {right.Sql})", left.Clr, left.NullBy ?? right.NullBy);
    }

    private static Value Exact(
        Expression expression, Span span, Value left, Value right, Func<string, string, string> write, string? nullBy)
    {
        var clr = left.Clr == typeof(decimal) ? left.Clr : right.Clr;
        if (clr != typeof(decimal))
        {
            // Products of Int32 are Int64 in ClickHouse; what is larger has to be asked for.
            var wide = span.Max > long.MaxValue;
            return new Value(
                wide ? write($"toInt256({left.Sql})", $"toInt256({right.Sql})") : write(left.Sql, right.Sql), clr, nullBy)
            { Span = span };
        }

        var digits = Digits(expression, span);
        // The wide one comes first; a product of it with an integer or another decimal is as wide.
        var (first, second) = IsDecimal(left) || !IsDecimal(right) ? (left, right) : (right, left);
        var swapped = first != left;
        var scale = IsDecimal(first) ? first.Span!.Scale : 0;
        var name = $"Decimal({digits}, {scale})";
        var widened = first.Type == name
            ? first.Sql
            : $"CAST({first.Sql}, {ClickHouseSql.Quote(first.NullBy is null ? name : $"Nullable({name})")})";
        var sql = swapped && !write("a", "b").Contains('*') ? write(second.Sql, widened) : write(widened, second.Sql);
        return new Value(sql, clr, nullBy) { Span = span, Type = nullBy is null ? $"Decimal({digits}, {span.Scale})" : null };
    }

    private static bool IsDecimal(Value value) =>
        value.Span is { Scale: > 0 } || (value.Type?.Contains("Decimal(", StringComparison.Ordinal) ?? value.Constant is decimal);

    private static string Widened(Value value) =>
        value.Span is { Scale: 0 } && !IsDecimal(value) && !value.IsConstant ? $"toInt128({value.Sql})" : value.Sql;

    /// <summary>1 / divisor, if that ends.</summary>
    private static decimal? Inverse(decimal divisor)
    {
        if (divisor == 0)
            return null;
        try
        {
            var inverse = decimal.Round(1 / divisor, 20);
            inverse /= 1.000000000000000000000000000000000m;
            return inverse * divisor == 1 ? inverse : null;
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private Value MathOf(MethodCallExpression call)
    {
        var arguments = call.Arguments.Select(Translate).ToArray();
        var value = arguments[0];
        switch (call.Method.Name)
        {
            case nameof(Math.Abs) when value.Span is not null || ClrTypes.IsFloat(value.Clr):
                return value with
                {
                    Sql = $"abs({value.Sql})",
                    Type = null,
                    Span = value.Span?.Plus(Span.Of(1)),
                    Constant = null,
                    IsConstant = false
                };
            case nameof(Math.Floor) when arguments.Length == 1:
                return Rounded("floor", value, 0);
            case nameof(Math.Ceiling) when arguments.Length == 1:
                return Rounded("ceiling", value, 0);
            case nameof(Math.Round) when arguments.Length == 1:
                return Rounded("round", value, 0);
            case nameof(Math.Round) when value.Span is not null && arguments is [_, { Constant: int digits and >= 0 }]:
                return Rounded("round", value, digits);
            case nameof(Math.Min) or nameof(Math.Max):
                var (left, right, result) = Common(call, value, arguments[1]);
                // As PostgreSQL's LEAST and GREATEST, which pass over NULL.
                var nullBy = value.NullBy is not null && arguments[1].NullBy is not null ? value.NullBy : null;
                return result
                    with
                { Sql = $"{(call.Method.Name == nameof(Math.Min) ? "least" : "greatest")}({left}, {right})", NullBy = nullBy };
            default:
                throw Refuse(call);
        }
    }

    private static Value Rounded(string function, Value value, int digits)
    {
        var sql = digits == 0 ? $"{function}({value.Sql})" : $"{function}({value.Sql}, {digits})";
        if (value.Span is not { } span)
            return new Value(sql, value.Clr, value.NullBy);
        if (span.Scale <= digits)
            return value;
        // Rounding up may need a digit more.
        var max = (span.Max / BigInteger.Pow(10, span.Scale - digits)) + 1;
        var name =
            $"Decimal({Math.Max(max.ToString(CultureInfo.InvariantCulture).Length, digits) switch { <= 38 => 38, _ => 76 }}, {digits})";
        var wide = $"CAST({value.Sql}, {ClickHouseSql.Quote(Name(value, $"Decimal({(span.Digits < 38 ? 38 : 76)}, {span.Scale})"))})";
        var rounded = digits == 0 ? $"{function}({wide})" : $"{function}({wide}, {digits})";
        return new Value($"CAST({rounded}, {ClickHouseSql.Quote(Name(value, name))})", value.Clr,
            value.NullBy)
        { Span = new Span(max, digits), Type = value.NullBy is null ? name : null };
    }

    private static string Name(Value value, string name) => value.NullBy is null ? name : $"Nullable({name})";
}
