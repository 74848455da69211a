using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.ServiceDefaults;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>The one loop: read, write, make durable, acknowledge.</summary>
public sealed class PipelineTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rule_15_a_position_is_acknowledged_only_when_it_is_durable()
    {
        await using var ends = new Ends(Batch(end: 100));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var running = RunAsync(ends, TimeProvider.System, stop.Token);

        await ends.Saving.Task.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        ends.Calls.Should().Equal("ask", "write", "ask", "make durable 100");
        ends.Saved.SetResult();
        await ends.Acknowledged.Task.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        ends.Calls.Should().Equal("ask", "write", "ask", "make durable 100", "acknowledge 100");

        await stop.CancelAsync();
        await FluentActions.Awaiting(() => running).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task Behind_a_large_row_nothing_is_asked_for_until_it_is_acknowledged_which_waits_for_no_second()
    {
        await using var ends = new Ends(Batch(end: 100), Batch(end: 200), Batch(end: 300, isLarge: true));
        ends.Saved.SetResult();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var running = RunAsync(ends, new FakeTimeProvider(), stop.Token);

        await ends.Exhausted.Task.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        // The second acknowledgement was due in a second, and goes at once with all that is written; the third is the large row's.
        ends.Calls.Should().Equal(
            "ask", "write", "ask", "make durable 100", "acknowledge 100", "write", "ask", "write", "make durable 300", "acknowledge 300",
            "make durable 300", "acknowledge 300", "ask");

        await stop.CancelAsync();
        await FluentActions.Awaiting(() => running).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task A_copys_large_row_that_comes_before_any_commit_has_nothing_to_acknowledge()
    {
        await using var ends = new Ends(Batch(end: null, isLarge: true));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var running = RunAsync(ends, new FakeTimeProvider(), stop.Token);

        await ends.Exhausted.Task.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        ends.Calls.Should().Equal("ask", "write", "ask");

        await stop.CancelAsync();
        await FluentActions.Awaiting(() => running).Should().ThrowAsync<OperationCanceledException>();
    }

    private static async Task RunAsync(Ends ends, TimeProvider time, CancellationToken cancellationToken)
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var status = new ProcessorStatus();
        var metrics = new CdcMetrics(services.GetRequiredService<IMeterFactory>(), status,
            new CopyProgress(NullLogger<CopyProgress>.Instance, TimeProvider.System), new FactProgress(),
            new RecentFlow(TimeProvider.System), TimeProvider.System);
        await new Pipeline(ends, ends, status, metrics, time, NullLogger<Pipeline>.Instance).RunAsync(cancellationToken);
    }

    private static ChangeBatch Batch(ulong? end, bool isLarge = false)
    {
        var batch = new ChangeBatch();
        if (isLarge)
            batch.Add(Store.Own.Table("customer"), ["1", new string('x', 40_000_000), "", "", "", ""], commit: 300, record: 299);
        if (end is { } position)
            batch.EndAt(new SourcePosition(-1, position));
        return batch;
    }

    /// <summary>A source of some batches, and a sink that takes its time to make them durable.</summary>
    private sealed class Ends(params IReadOnlyList<ChangeBatch> batches) : IChangeSource, IChangeSink
    {
        public List<string> Calls { get; } = [];

        public TaskCompletionSource Saving { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Saved { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Acknowledged { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>All has been asked for.</summary>
        public TaskCompletionSource Exhausted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool CopiesInOrder => false;

        public bool HasWork => false;

        public Task WorkAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        Task<SourceIdentity> IChangeSource.OpenAsync(CancellationToken cancellationToken) =>
            Task.FromResult(new SourceIdentity("postgresql", "test", 1, Ordered: true));

        Task<Progress> IChangeSink.OpenAsync(CancellationToken cancellationToken) => Task.FromResult(Progress.None);

        public Task ResumeAsync(Progress progress, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task BeginAsync(SourceIdentity source, CancellationToken cancellationToken) => Task.CompletedTask;

        public async IAsyncEnumerable<ChangeBatch> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            foreach (var batch in batches)
            {
                Calls.Add("ask");
                yield return batch;
            }
            Calls.Add("ask");
            Exhausted.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }

        public Task WriteAsync(ChangeBatch batch, CancellationToken cancellationToken)
        {
            Calls.Add("write");
            return Task.CompletedTask;
        }

        public async Task MakeDurableAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken)
        {
            Calls.Add($"make durable {positions.Single().Position}");
            Saving.TrySetResult();
            await Saved.Task.WaitAsync(cancellationToken);
        }

        public Task AcknowledgeAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken)
        {
            Calls.Add($"acknowledge {positions.Single().Position}");
            Acknowledged.TrySetResult();
            return Task.CompletedTask;
        }

        public Task<bool> RestartAsync(Progress progress, CancellationToken cancellationToken) => throw new NotSupportedException();

        public void RequestCopy(IReadOnlyList<string> tables) => throw new NotSupportedException();

        public Task<ChangeBatch?> MarkAsync(IReadOnlyCollection<LandedRow> rows, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task ResetAsync(bool keepRows, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task RequestResetAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task SetPausedAsync(bool paused, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IReadOnlyList<LandedRow>> RetryDeadLettersAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task SaveAsync(TableCopy copy, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
