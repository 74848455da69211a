using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Keeps what is logged, for assertions and for the message of a test that failed.</summary>
internal sealed class LogLines : ILoggerProvider
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyCollection<string> Lines => _lines;

    public void Add(string line) => _lines.Enqueue(line);

    public ILogger CreateLogger(string categoryName) => new Lined(categoryName, _lines);

    public void Dispose()
    {
    }

    public override string ToString() => string.Join('\n', _lines.TakeLast(60));

    private sealed class Lined(string category, ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) =>
            logLevel >= LogLevel.Information && category.StartsWith("AspireCdc", StringComparison.Ordinal);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                lines.Enqueue(
                    $"{DateTime.UtcNow:HH:mm:ss.fff} {logLevel} " +
                    $"{formatter(state, exception)}{(exception is null ? "" : "\n" + exception)}");
        }
    }
}
