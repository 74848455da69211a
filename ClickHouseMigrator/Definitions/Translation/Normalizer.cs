using System.Linq.Expressions;
using System.Reflection;

namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>
/// Brings a projection into the form that both databases are asked in: what does not depend on the row is a constant, and a text with holes
/// is a concatenation, which EF Core translates.
/// </summary>
internal sealed class Normalizer : ExpressionVisitor
{
    private static readonly MethodInfo Concat = typeof(string).GetMethod(nameof(string.Concat), [typeof(string), typeof(string)])!;

    private Normalizer()
    {
    }

    /// <summary>The same expression in that form.</summary>
    public static Expression Normalize(Expression expression) => new Normalizer().Visit(expression);

    /// <inheritdoc />
    protected override Expression VisitMember(MemberExpression node) => IsConstant(node) ? Evaluate(node) : base.VisitMember(node);

    /// <inheritdoc />
    protected override Expression VisitUnary(UnaryExpression node) => IsConstant(node) ? Evaluate(node) : base.VisitUnary(node);

    /// <inheritdoc />
    protected override Expression VisitBinary(BinaryExpression node) => IsConstant(node) ? Evaluate(node) : base.VisitBinary(node);

    /// <inheritdoc />
    protected override Expression VisitNew(NewExpression node) =>
        node.Type.IsValueType && IsConstant(node) ? Evaluate(node) : base.VisitNew(node);

    /// <inheritdoc />
    protected override Expression VisitMethodCall(MethodCallExpression node)
    {
        if (node.Method.DeclaringType == typeof(string))
        {
            if (node.Method.Name == nameof(string.Format) && node.Arguments[0] is ConstantExpression { Value: string format })
                return Visit(Interpolate(format, ArgumentsOf(node.Arguments.Skip(1))));
            if (node.Method.Name == nameof(string.Concat))
                return Visit2(ArgumentsOf(node.Arguments));
        }
        return IsConstant(node) && !IsRaw(node) ? Evaluate(node) : base.VisitMethodCall(node);
    }

    private static bool IsRaw(MethodCallExpression node) => node.Method.DeclaringType == typeof(Star.Sql);

    private Expression Visit2(IReadOnlyList<Expression> parts) => Join([.. parts.Select(Visit).OfType<Expression>()]);

    private static Expression Join(IReadOnlyList<Expression> parts) =>
        parts.Count == 0 ? Expression.Constant("") : parts.Select(AsText).Aggregate((left, right) => Expression.Add(left, right, Concat));

    // What is no text becomes one by ToString, which both databases know for some types.
    private static Expression AsText(Expression part)
    {
        while (part is UnaryExpression { NodeType: ExpressionType.Convert } boxed && boxed.Type == typeof(object))
            part = boxed.Operand;
        return part.Type == typeof(string) ? part : Expression.Call(part, part.Type.GetMethod(nameof(ToString), Type.EmptyTypes)!);
    }

    private static IReadOnlyList<Expression> ArgumentsOf(IEnumerable<Expression> arguments)
    {
        Expression[] given = [.. arguments];
        return given is [NewArrayExpression array] ? array.Expressions : given;
    }

    private static Expression Interpolate(string format, IReadOnlyList<Expression> holes)
    {
        var parts = new List<Expression>();
        var text = "";
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] is '{' or '}' && at + 1 < format.Length && format[at + 1] == format[at])
                text += format[at++];
            else if (format[at] == '{')
            {
                var end = format.IndexOf('}', at);
                if (!int.TryParse(format[(at + 1)..end], out var hole))
                    throw new TranslationException($"{{{format[(at + 1)..end]}}} in a text formats a value: formats have no translation");
                if (text.Length > 0)
                    parts.Add(Expression.Constant(text));
                text = "";
                parts.Add(holes[hole]);
                at = end;
            }
            else
                text += format[at];
        }
        if (text.Length > 0)
            parts.Add(Expression.Constant(text));
        return Join(parts);
    }

    private static bool IsConstant(Expression node)
    {
        var finder = new ParameterFinder();
        finder.Visit(node);
        return !finder.Found;
    }

    private static ConstantExpression Evaluate(Expression node) =>
        Expression.Constant(
            Expression.Lambda<Func<object?>>(Expression.Convert(node, typeof(object))).Compile(preferInterpretation: true)(), node.Type);

    private sealed class ParameterFinder : ExpressionVisitor
    {
        public bool Found { get; private set; }

        protected override Expression VisitParameter(ParameterExpression node)
        {
            Found = true;
            return node;
        }

        protected override Expression VisitMethodCall(MethodCallExpression node)
        {
            Found |= IsRaw(node);
            return base.VisitMethodCall(node);
        }
    }
}
