using System.Threading.Channels;
using AspireCdc.EmbeddedClickHouse.Engine;
using AwesomeAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>Orders to stop queries, on a clock that is ahead at every look, as on a machine with too much to do.</summary>
public sealed class QueryKillerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_query_that_goes_on_is_asked_again_although_its_pause_ends_while_it_is_looked_at()
    {
        var killed = Channel.CreateUnbounded<IReadOnlyCollection<string>>();
        var killer = new QueryKiller(ids => killed.Writer.TryWrite(ids), new HurryingClock(), NullLogger.Instance);

        await killer.KillAsync("one").WaitAsync(TimeSpan.FromMinutes(1), Cancel);
        for (var i = 0; i < 3; i++)
            (await killed.Reader.ReadAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Cancel)).Should().Equal("one");
        killer.Forget("one");
        await killer.KillAsync("two").WaitAsync(TimeSpan.FromMinutes(1), Cancel);

        killer.Forget("two");
    }

    /// <summary>A clock that goes on by 150 ms with every look.</summary>
    private sealed class HurryingClock : TimeProvider
    {
        private long _milliseconds;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Interlocked.Add(ref _milliseconds, 150);
    }
}
