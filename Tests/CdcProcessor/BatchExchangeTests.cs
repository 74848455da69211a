using AspireCdc.CdcProcessor.Postgres;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

public sealed class BatchExchangeTests
{
    [Fact]
    public async Task Whoever_waits_gets_the_batch_at_once()
    {
        var exchange = new BatchExchange<string>();
        var taking = exchange.TakeAsync();
        taking.IsCompleted.Should().BeFalse();

        exchange.Offer("lone");

        (await taking).Should().Be("lone");
        exchange.TryReclaim().Should().BeFalse();
    }

    [Fact]
    public async Task What_nobody_took_is_filled_further()
    {
        var exchange = new BatchExchange<List<int>>();
        List<int> batch = [1];
        exchange.Offer(batch);
        exchange.TryReclaim().Should().BeTrue();
        batch.Add(2);
        exchange.Offer(batch);

        (await exchange.TakeAsync()).Should().Equal(1, 2);
        exchange.TryReclaim().Should().BeFalse();
    }

    [Fact]
    public async Task A_full_batch_waits_for_its_taker()
    {
        var exchange = new BatchExchange<string>();
        exchange.Offer("full");
        var taken = exchange.WhenTakenAsync(TestContext.Current.CancellationToken);
        taken.IsCompleted.Should().BeFalse();

        await exchange.TakeAsync();

        await taken;
    }

    [Fact]
    public async Task A_fault_reaches_the_taker_after_what_was_offered()
    {
        var exchange = new BatchExchange<string>();
        exchange.Offer("last");
        exchange.Fail(new IOException("cut"));

        (await exchange.TakeAsync()).Should().Be("last");
        await FluentActions.Awaiting(exchange.TakeAsync).Should().ThrowAsync<IOException>();
    }
}
