using System.Runtime.CompilerServices;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A value that is known only when the application runs: a parameter, a port, a connection string.</summary>
internal interface IValueProvider
{
    ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default);
}

/// <summary>Text with values in it that are filled in when the application runs.</summary>
internal sealed class ReferenceExpression(IReadOnlyList<object> parts) : IValueProvider
{
    public IEnumerable<IValueProvider> ValueProviders => parts.OfType<IValueProvider>();

    public static ReferenceExpression Create(in ExpressionInterpolatedStringHandler handler) => new(handler.Parts);

    public async ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default)
    {
        var values = new string?[parts.Count];
        for (var i = 0; i < parts.Count; i++)
            values[i] = parts[i] is IValueProvider provider ? await provider.GetValueAsync(cancellationToken) : (string)parts[i];
        return string.Concat(values);
    }

    [InterpolatedStringHandler]
    public readonly ref struct ExpressionInterpolatedStringHandler(int literalLength, int formattedCount)
    {
        internal List<object> Parts { get; } = new(formattedCount * 2 + Math.Sign(literalLength));

        public void AppendLiteral(string value) => Parts.Add(value);

        public void AppendFormatted(string? value) => Parts.Add(value ?? "");

        public void AppendFormatted<T>(T valueProvider) where T : IValueProvider => Parts.Add(valueProvider);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider) where T : IResource, IValueProvider => Parts.Add(valueProvider.Resource);
    }
}
