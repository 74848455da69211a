using AspireCdc.EmbeddedClickHouse.Engine;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>One running query of an id, however far the one before it has come.</summary>
public sealed class RunningQueriesTests
{
    private readonly RunningQueries _running = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_query_that_has_no_connection_yet_is_stopped_for_another_one()
    {
        var first = await _running.BeginAsync("id", replace: false, Cancellation);

        var second = _running.BeginAsync("id", replace: true, Cancellation);

        first.Stop.IsCancellationRequested.Should().BeTrue();
        first.IsReplaced.Should().BeTrue();
        second.IsCompleted.Should().BeFalse("the first has not ended");
        first.Dispose();
        using var taken = await second;
        taken.Stop.IsCancellationRequested.Should().BeFalse();
    }

    [Fact]
    public async Task A_query_whose_client_has_gone_is_replaced_by_nobody()
    {
        using var client = new CancellationTokenSource();
        using var query = await _running.BeginAsync("id", replace: false, client.Token);

        await client.CancelAsync();

        query.Stop.IsCancellationRequested.Should().BeTrue();
        query.IsReplaced.Should().BeFalse();
    }
}
