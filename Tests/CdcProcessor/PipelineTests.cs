using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.CdcProcessor.Running;
using AspireCdc.ServiceDefaults;
using AwesomeAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>The one loop: read, write, make durable, acknowledge.</summary>
public sealed class PipelineTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rule_15_a_position_is_acknowledged_only_when_it_is_durable()
    {
        await using var ends = new Ends();
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var status = new ProcessorStatus();
        var metrics = new CdcMetrics(services.GetRequiredService<IMeterFactory>(), status,
            new CopyProgress(NullLogger<CopyProgress>.Instance, TimeProvider.System), new FactProgress(),
            new RecentFlow(TimeProvider.System), TimeProvider.System);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var running = new Pipeline(ends, ends, status, metrics, TimeProvider.System, NullLogger<Pipeline>.Instance).RunAsync(stop.Token);

        await ends.Saving.Task.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        ends.Calls.Should().Equal("write", "make durable 100");
        ends.Saved.SetResult();
        await ends.Acknowledged.Task.WaitAsync(TimeSpan.FromMinutes(2), Cancel);
        ends.Calls.Should().Equal("write", "make durable 100", "acknowledge 100");

        await stop.CancelAsync();
        await FluentActions.Awaiting(() => running).Should().ThrowAsync<OperationCanceledException>();
    }

    /// <summary>A source of one batch, and a sink that takes its time to make it durable.</summary>
    private sealed class Ends : IChangeSource, IChangeSink
    {
        public List<string> Calls { get; } = [];

        public TaskCompletionSource Saving { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Saved { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Acknowledged { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

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
            var batch = new ChangeBatch();
            batch.EndAt(new SourcePosition(-1, 100));
            yield return batch;
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
            Saving.SetResult();
            await Saved.Task.WaitAsync(cancellationToken);
        }

        public Task AcknowledgeAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken)
        {
            Calls.Add($"acknowledge {positions.Single().Position}");
            Acknowledged.SetResult();
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
