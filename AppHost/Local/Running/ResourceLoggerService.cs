using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Threading.Channels;

namespace Aspire.Hosting.ApplicationModel;

internal readonly record struct LogLine(int LineNumber, string Content, bool IsErrorMessage);

/// <summary>Keeps the last console lines of each resource and passes new ones on.</summary>
internal sealed class ResourceLoggerService(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, ResourceLog> _logs = new();

    /// <summary>The lines there are, then new ones as they come.</summary>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(IResource resource) => LogOf(resource.Name).WatchAsync(follow: true);

    /// <summary>The lines there are.</summary>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(IResource resource) => LogOf(resource.Name).WatchAsync(follow: false);

    /// <summary>Adds a line; the dashboard reads the time before it.</summary>
    internal void Write(string resourceName, string line, bool isError = false) =>
        LogOf(resourceName).Add(time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ ", CultureInfo.InvariantCulture) + line, isError);

    /// <summary>The last lines, without their times.</summary>
    internal IReadOnlyList<string> Tail(string resourceName, int count) =>
        [.. LogOf(resourceName).Snapshot().TakeLast(count).Select(line => line.Content[(line.Content.IndexOf(' ') + 1)..])];

    private ResourceLog LogOf(string resourceName) => _logs.GetOrAdd(resourceName, _ => new());

    private sealed class ResourceLog
    {
        private const int MostLines = 10_000;

        private readonly Lock _gate = new();
        private readonly Queue<LogLine> _lines = [];
        private ImmutableList<ChannelWriter<LogLine>> _watchers = [];
        private int _count;

        public void Add(string content, bool isError)
        {
            lock (_gate)
            {
                var line = new LogLine(++_count, content, isError);
                _lines.Enqueue(line);
                if (_lines.Count > MostLines)
                    _lines.Dequeue();
                foreach (var watcher in _watchers)
                    watcher.TryWrite(line);
            }
        }

        public LogLine[] Snapshot()
        {
            lock (_gate)
                return [.. _lines];
        }

        public async IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(
            bool follow, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            var channel = Channel.CreateUnbounded<LogLine>(new() { SingleReader = true });
            LogLine[] backlog;
            lock (_gate)
            {
                backlog = [.. _lines];
                if (follow)
                    _watchers = _watchers.Add(channel.Writer);
            }

            try
            {
                if (backlog.Length > 0)
                    yield return backlog;
                if (!follow)
                    yield break;
                while (await channel.Reader.WaitToReadAsync(cancellationToken))
                {
                    var batch = new List<LogLine>();
                    while (batch.Count < 1000 && channel.Reader.TryRead(out var line))
                        batch.Add(line);
                    yield return batch;
                }
            }
            finally
            {
                lock (_gate)
                    _watchers = _watchers.Remove(channel.Writer);
            }
        }
    }
}
