using System.Threading.Channels;
using AspireCdc.EmbeddedClickHouse.Engine;
using AwesomeAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>Orders to stop queries, on a clock that is ahead at every look, as on a machine with too much to do.</summary>
public sealed class QueryKillerTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    private readonly Channel<IReadOnlyCollection<string>> _killed = Channel.CreateUnbounded<IReadOnlyCollection<string>>();
    private readonly TaskCompletionSource _ended = new();
    private readonly QueryKiller _killer;

    public QueryKillerTests() => _killer = new(ids => _killed.Writer.TryWrite(ids), new HurryingClock(), NullLogger.Instance);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _ended.TrySetResult();

    [Fact]
    public async Task A_query_that_goes_on_is_asked_again_although_its_pause_ends_while_it_is_looked_at()
    {
        await KillAsync("one", _ended.Task);
        for (var i = 0; i < 3; i++)
            (await NextAsync()).Should().Equal("one");
    }

    [Fact]
    public async Task An_order_ends_with_its_query_and_leaves_the_connections_next_one_alone()
    {
        var first = new TaskCompletionSource();
        await KillAsync("one", first.Task);
        await NextAsync();

        first.SetResult();
        await KillAsync("two", _ended.Task);

        var killed = await NextAsync();
        while (!killed.Contains("two")) // orders from before the first one's end
            killed = await NextAsync();
        killed.Should().Equal("two");
        for (var i = 0; i < 3; i++)
            (await NextAsync()).Should().Equal("two");
    }

    [Fact]
    public async Task A_query_that_has_ended_is_not_stopped()
    {
        await KillAsync("one", Task.CompletedTask);
        await KillAsync("two", _ended.Task);

        (await NextAsync()).Should().Equal("two");
    }

    private Task KillAsync(string connection, Task ended) => _killer.KillAsync(connection, ended).WaitAsync(Deadline, Cancel);

    private Task<IReadOnlyCollection<string>> NextAsync() => _killed.Reader.ReadAsync(Cancel).AsTask().WaitAsync(Deadline, Cancel);

    /// <summary>A clock that goes on by 150 ms with every look.</summary>
    private sealed class HurryingClock : TimeProvider
    {
        private long _milliseconds;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Interlocked.Add(ref _milliseconds, 150);
    }
}
