using System.Globalization;
using System.Linq.Expressions;
using System.Runtime.CompilerServices;

namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>Members and methods of text, times, numbers and nullable values.</summary>
internal sealed partial class Translator
{
    private const string Blanks = @"' \t\n\r'";

    /// <summary>The microseconds of a day, as ClickHouse writes an Int64.</summary>
    private const string Day = "toInt64(86400000000)";

    private Value MemberOf(MemberExpression member, Expression of)
    {
        var value = Translate(of);
        var name = member.Member.Name;
        if (System.Nullable.GetUnderlyingType(of.Type) is not null)
        {
            return name == nameof(Nullable<>.HasValue)
                ? new Value($"({value.Sql} IS NOT NULL)", typeof(bool), null)
                : value;
        }
        if (value.Clr == typeof(string) && name == nameof(string.Length))
            return Integer($"lengthUTF8({value.Sql})", value, int.MaxValue);
        if (value.Clr == typeof(DateTime) || value.Clr == typeof(DateOnly))
            return Part(member, value);
        throw Refuse(member);
    }

    private static Value Part(MemberExpression member, Value value) => member.Member.Name switch
    {
        nameof(DateTime.Year) => Integer($"toYear({value.Sql})", value, 9999),
        nameof(DateTime.Month) => Integer($"toMonth({value.Sql})", value, 12),
        nameof(DateTime.Day) => Integer($"toDayOfMonth({value.Sql})", value, 31),
        nameof(DateTime.DayOfYear) => Integer($"toDayOfYear({value.Sql})", value, 366),
        nameof(DateTime.Hour) when value.Clr == typeof(DateTime) => Integer($"toHour({value.Sql})", value, 23),
        nameof(DateTime.Minute) when value.Clr == typeof(DateTime) => Integer($"toMinute({value.Sql})", value, 59),
        nameof(DateTime.Second) => throw new TranslationException(
            $"{member} is rounded up to 60 by EF Core's query of PostgreSQL: say Sql.Raw<int>($\"toSecond(…)\")"),
        // toStartOfDay gives a type that ends in 2106.
        nameof(DateTime.Date) when value.Clr == typeof(DateTime) => value with
        {
            // Twice the remainder, since before 1970 it is negative; of Int64, since beside a UInt64 it would run over.
            Sql = $"fromUnixTimestamp64Micro(toUnixTimestamp64Micro({value.Sql}) - (toUnixTimestamp64Micro({value.Sql}) % {Day} + " +
                $"{Day}) % {Day}, 'UTC')",
            Type = null,
        },
        // A number in PostgreSQL too: 0 is Sunday.
        nameof(DateTime.DayOfWeek) => Integer($"(toDayOfWeek({value.Sql}) % 7)", value, 6) with { Clr = typeof(int) },
        _ => throw Refuse(member),
    };

    private static Value Integer(string sql, Value of, int max) => new(sql, typeof(int), of.NullBy) { Span = Span.Of(max) };

    private Value Call(MethodCallExpression call)
    {
        if (call.Method.DeclaringType == typeof(Star.Sql))
            return Raw(call);
        if (call.Method.DeclaringType == typeof(Math))
            return MathOf(call);
        if (call.Method.DeclaringType == typeof(string))
            return Text(call);
        if (call.Object is null)
            return call.Method.DeclaringType == typeof(DateOnly) && call.Method.Name == nameof(DateOnly.FromDateTime)
                ? Date(Translate(call.Arguments[0]))
                : throw Refuse(call);

        if (call.Method.Name == nameof(ToString) && call.Arguments.Count == 0)
            return TextOf(call, Translate(call.Object));
        if (call.Method.Name == nameof(Nullable<>.GetValueOrDefault) && System.Nullable.GetUnderlyingType(call.Object.Type) is { } bare)
        {
            var instead = call.Arguments.Count == 1 ? call.Arguments[0] : Expression.Constant(Activator.CreateInstance(bare), bare);
            return Translate(Expression.Coalesce(call.Object, instead));
        }
        if (call.Method.Name == nameof(Equals) && call.Arguments.Count == 1 && call.Arguments[0].Type == call.Object.Type)
            return Translate(Expression.Equal(call.Object, call.Arguments[0]));
        return ClrTypes.Bare(call.Object.Type) is var type && (type == typeof(DateTime) || type == typeof(DateOnly))
            ? Later(call)
            : throw Refuse(call);
    }

    private static Value Date(Value value) => new($"toDate32({value.Sql})", typeof(DateOnly), value.NullBy);

    private Value Later(MethodCallExpression call)
    {
        var function = call.Method.Name switch
        {
            nameof(DateTime.AddDays) or nameof(DateTime.AddHours) or nameof(DateTime.AddMinutes) or nameof(DateTime.AddSeconds)
                or nameof(DateTime.AddMonths) or nameof(DateTime.AddYears)
                => char.ToLowerInvariant(call.Method.Name[0]) + call.Method.Name[1..],
            _ => throw Refuse(call),
        };
        var value = Translate(call.Object!);
        if (call.Arguments[0] is not ConstantExpression { Value: { } by }
            || Convert.ToDouble(by, CultureInfo.InvariantCulture) is var number && number != Math.Truncate(number))
            throw new TranslationException($"{call} has to add a whole number that is a constant");
        return value with { Sql = $"{function}({value.Sql}, {Convert.ToInt64(by, CultureInfo.InvariantCulture)})", Type = null };
    }

    private Value Text(MethodCallExpression call)
    {
        if (call.Object is null)
        {
            return call.Method.Name switch
            {
                nameof(string.IsNullOrEmpty) when Translate(call.Arguments[0]) is var text =>
                    new Value($"(ifNull({text.Sql}, '') = '')", typeof(bool), null),
                nameof(string.IsNullOrWhiteSpace) when Translate(call.Arguments[0]) is var text =>
                    new Value($"(trimBoth(ifNull({text.Sql}, ''), {Blanks}) = '')", typeof(bool), null),
                nameof(string.Equals) when call.Arguments.Count == 2 => Translate(Expression.Equal(call.Arguments[0], call.Arguments[1])),
                _ => throw Refuse(call),
            };
        }

        var value = Translate(call.Object);
        if (call.Arguments.Any(argument => argument.Type == typeof(char)))
            throw new TranslationException($"{call} takes a character: give it a text");
        var arguments = call.Arguments.Select(Translate).ToArray();
        return (call.Method.Name, arguments) switch
        {
            (nameof(string.ToUpper), []) => As($"upperUTF8({value.Sql})"),
            (nameof(string.ToLower), []) => As($"lowerUTF8({value.Sql})"),
            (nameof(string.Trim), []) => As($"trimBoth({value.Sql}, {Blanks})"),
            (nameof(string.TrimStart), []) => As($"trimLeft({value.Sql}, {Blanks})"),
            (nameof(string.TrimEnd), []) => As($"trimRight({value.Sql}, {Blanks})"),
            (nameof(string.Substring), [{ Constant: int and >= 0 and var start }]) => As($"substringUTF8({value.Sql}, {(int)start + 1})"),
            (nameof(string.Substring), [{ Constant: int and >= 0 and var start }, { Constant: int and >= 0 and var length }]) =>
                As($"substringUTF8({value.Sql}, {(int)start + 1}, {length})"),
            (nameof(string.Replace), [{ Constant: string { Length: > 0 } } old, { Constant: string } instead]) =>
                As($"replaceAll({value.Sql}, {old.Sql}, {instead.Sql})"),
            (nameof(string.Contains), [{ NullBy: null } part]) => Condition($"(position({value.Sql}, {part.Sql}) > 0)"),
            (nameof(string.StartsWith), [{ NullBy: null } part]) => Condition($"startsWith({value.Sql}, {part.Sql})"),
            (nameof(string.EndsWith), [{ NullBy: null } part]) => Condition($"endsWith({value.Sql}, {part.Sql})"),
            (nameof(string.IndexOf), [{ NullBy: null } part]) => new Value(
                $"(toInt32(positionUTF8({value.Sql}, {part.Sql})) - 1)", typeof(int), value.NullBy)
            { Span = Span.Of(int.MaxValue) },
            _ => throw Refuse(call),
        };

        Value As(string sql) => new(sql, typeof(string), value.NullBy);
        Value Condition(string sql) => new(sql, typeof(bool), value.NullBy);
    }

    /// <summary>As in C#, NULL is an empty text in a concatenation.</summary>
    private Value Concatenation(BinaryExpression expression)
    {
        var parts = new List<string>();
        Add(expression);
        return new Value($"concat({string.Join(", ", parts)})", typeof(string), null);

        void Add(Expression part)
        {
            if (part is BinaryExpression { NodeType: ExpressionType.Add } sum && sum.Type == typeof(string))
            {
                Add(sum.Left);
                Add(sum.Right);
                return;
            }
            var value = part is UnaryExpression { NodeType: ExpressionType.Convert } boxed
                && boxed.Type == typeof(object) ? TextOf(boxed, Translate(boxed.Operand)) : Translate(part);
            parts.Add(value is { IsConstant: true, Constant: null } ? "''" : value.NullBy is null ? value.Sql : $"ifNull({value.Sql}, '')");
        }
    }

    /// <summary>Only what both databases write alike.</summary>
    private static Value TextOf(Expression expression, Value value)
    {
        if (value.Clr == typeof(string))
            return value;
        if (ClrTypes.IsInteger(value.Clr) || value.Clr == typeof(Guid))
            return new Value($"toString({value.Sql})", typeof(string), value.NullBy);
        // PostgreSQL writes all digits after the point.
        if (value is { Span: { } span, Type: { } type } && type.Contains("Decimal(", StringComparison.Ordinal))
            return new Value($"toDecimalString({value.Sql}, {span.Scale})", typeof(string), value.NullBy);
        throw new TranslationException(
            $"{expression} writes a {value.Clr.Name} as text, which the databases do in different ways: show it as it is");
    }

    private Value Raw(MethodCallExpression call)
    {
        // Without holes, or with constants only, it is one by now.
        if (call.Arguments[0] is ConstantExpression { Value: FormattableString constant })
        {
            var literals = constant.GetArguments()
                .Select(value => Literals.Of(value, value?.GetType() ?? typeof(object))?.Sql ?? throw Refuse(call)).ToArray();
            return RawOf(call, constant.Format, literals, null);
        }
        if (call.Arguments[0] is not MethodCallExpression
            {
                Method.DeclaringType: var maker,
                Arguments: [ConstantExpression { Value: string format }, var holes]
            } || maker != typeof(FormattableStringFactory))
            throw new TranslationException($"{call} takes an interpolated text: Sql.Raw<string>($\"…\")");

        var parts = ((NewArrayExpression)holes).Expressions.Select(hole =>
            hole is UnaryExpression { NodeType: ExpressionType.Convert } boxed ? boxed.Operand : hole)
            .Select(hole => rows.FindColumn(hole) is { } column ? Member(column) : Translate(hole)).ToArray();
        return RawOf(call, format, [.. parts.Select(part => part.Sql)], parts.FirstOrDefault(part => part.NullBy is not null)?.NullBy);
    }

    private static Value RawOf(MethodCallExpression call, string format, string[] holes, string? nullBy)
    {
        var clr = ClrTypes.Bare(call.Type);
        return new Value($"({string.Format(CultureInfo.InvariantCulture, format, [.. holes])})", clr, clr != call.Type
            ? $"Sql.Raw<{clr.Name}?> says so"
            : nullBy);
    }
}
