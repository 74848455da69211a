using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace AspireCdc.Api.Live.Feed;

/// <summary>
/// What the live page shows, as slices that change each by themselves. One set of readers serves every page that is open; while none is,
/// nothing is read.
/// </summary>
internal sealed class LiveFeed(TimeProvider time)
{
    /// <summary>A page that hears nothing for longer takes the API to be away.</summary>
    private static readonly TimeSpan BeatEvery = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Slice> _slices = [];
    private TaskCompletionSource _changed = NewSignal(), _watched = NewSignal(), _left = NewSignal();
    private long _version;
    private int _watchers;

    /// <summary>How many pages are open.</summary>
    public int Watchers
    {
        get
        {
            lock (_lock)
                return _watchers;
        }
    }

    /// <summary>Ends once a page is open; at once where one is.</summary>
    public Task WatchedAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
            return _watchers > 0 ? Task.CompletedTask : _watched.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Ends once no page is open; at once where none is.</summary>
    public Task LeftAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
            return _watchers == 0 ? Task.CompletedTask : _left.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Tells all pages, if it is news.</summary>
    public void Publish<T>(string name, T content)
    {
        var json = JsonSerializer.Serialize(content, JsonSerializerOptions.Web);
        lock (_lock)
        {
            if (_slices.TryGetValue(name, out var known) && known.Json == json)
                return;
            _slices[name] = new(json, ++_version);
            _changed.TrySetResult();
            _changed = NewSignal();
        }
    }

    /// <summary>All slices as they are, then those that change; a page that is slow gets only their latest.</summary>
    public async IAsyncEnumerable<SseItem<string>> FollowAsync(
        CancellationToken stopping, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancellationToken);
        Come();
        try
        {
            for (var seen = 0L; !ending.IsCancellationRequested;)
            {
                Task changed;
                List<KeyValuePair<string, Slice>> news;
                lock (_lock)
                {
                    changed = _changed.Task;
                    news = [.. _slices.Where(slice => slice.Value.Version > seen)];
                    seen = _version;
                }
                foreach (var (name, slice) in news)
                    yield return new(slice.Json, name);
                if (news.Count == 0)
                    yield return new("", "beat");
                await changed.WaitAsync(BeatEvery, time, ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            Leave();
        }
    }

    private void Come()
    {
        lock (_lock)
        {
            if (++_watchers > 1)
                return;
            _watched.TrySetResult();
            _left = NewSignal();
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            if (--_watchers > 0)
                return;
            _left.TrySetResult();
            _watched = NewSignal();
            // What was read by then would be old news to the next page.
            _slices.Clear();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Slice(string Json, long Version);
}
