using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

public sealed class BatchExchangeTests
{
    [Fact]
    public async Task Whoever_waits_gets_the_batch_at_once()
    {
        var exchange = new BatchExchange<string>(TimeProvider.System);
        var taking = exchange.TakeAsync();
        taking.IsCompleted.Should().BeFalse();

        exchange.Offer("lone");

        (await taking).Should().Be("lone");
        exchange.TryReclaim().Should().BeFalse();
    }

    [Fact]
    public async Task What_nobody_took_is_filled_further()
    {
        var exchange = new BatchExchange<List<int>>(TimeProvider.System);
        List<int> batch = [1];
        exchange.Offer(batch);
        exchange.TryReclaim().Should().BeTrue();
        batch.Add(2);
        exchange.Offer(batch);

        (await exchange.TakeAsync()).Should().Equal(1, 2);
        exchange.TryReclaim().Should().BeFalse();
    }

    [Fact]
    public async Task What_may_grow_is_given_to_who_waits_once_it_has_grown()
    {
        var exchange = new BatchExchange<List<int>>(new FakeTimeProvider());
        var taking = exchange.TakeAsync();
        List<int> batch = [1];
        exchange.Offer(batch, mayGrow: true);
        taking.IsCompleted.Should().BeFalse();
        exchange.TryReclaim().Should().BeTrue();
        batch.Add(2);
        exchange.Offer(batch);

        (await taking).Should().Equal(1, 2);
        exchange.TryReclaim().Should().BeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_may_grow_is_given_after_half_a_second(bool isOfferedBefore)
    {
        var time = new FakeTimeProvider();
        var exchange = new BatchExchange<string>(time);
        if (isOfferedBefore)
            exchange.Offer("small", mayGrow: true);
        var taking = exchange.TakeAsync();
        if (!isOfferedBefore)
            exchange.Offer("small", mayGrow: true);
        time.Advance(BatchExchange<string>.Patience - TimeSpan.FromMilliseconds(1));
        taking.IsCompleted.Should().BeFalse();

        time.Advance(TimeSpan.FromMilliseconds(1));

        (await taking).Should().Be("small");
        exchange.TryReclaim().Should().BeFalse();
    }

    [Fact]
    public async Task What_is_being_filled_when_that_time_is_over_is_given_as_soon_as_it_may_be()
    {
        var time = new FakeTimeProvider();
        var exchange = new BatchExchange<string>(time);
        var taking = exchange.TakeAsync();
        exchange.Offer("small", mayGrow: true);
        exchange.TryReclaim().Should().BeTrue();
        time.Advance(BatchExchange<string>.Patience);
        await Wait.UntilAsync(() => Task.FromResult(exchange.IsImpatient), "it is impatient", TestContext.Current.CancellationToken);
        taking.IsCompleted.Should().BeFalse();

        exchange.Offer("larger", mayGrow: true);

        (await taking).Should().Be("larger");
        exchange.IsImpatient.Should().BeFalse();
    }

    [Fact]
    public async Task What_may_grow_is_given_before_a_fault()
    {
        var exchange = new BatchExchange<string>(new FakeTimeProvider());
        var taking = exchange.TakeAsync();
        exchange.Offer("small", mayGrow: true);
        exchange.Fail(new IOException("cut"));

        (await taking).Should().Be("small");
        await FluentActions.Awaiting(exchange.TakeAsync).Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task A_full_batch_waits_for_its_taker()
    {
        var exchange = new BatchExchange<string>(TimeProvider.System);
        exchange.Offer("full");
        var taken = exchange.WhenTakenAsync(TestContext.Current.CancellationToken);
        taken.IsCompleted.Should().BeFalse();

        await exchange.TakeAsync();

        await taken;
    }

    [Fact]
    public async Task A_fault_reaches_the_taker_after_what_was_offered()
    {
        var exchange = new BatchExchange<string>(TimeProvider.System);
        exchange.Offer("last");
        exchange.Fail(new IOException("cut"));

        (await exchange.TakeAsync()).Should().Be("last");
        await FluentActions.Awaiting(exchange.TakeAsync).Should().ThrowAsync<IOException>();
    }
}
