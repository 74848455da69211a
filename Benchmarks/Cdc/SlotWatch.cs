using AspireCdc.Benchmarks.Machine;
using Npgsql;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>
/// Watches a contender from outside, in the same way for all: when its slot came into use, and what its processes and the server's process
/// behind the slot have used.
/// </summary>
internal sealed class SlotWatch : IAsyncDisposable
{
    private static readonly TimeSpan UntilStreaming = TimeSpan.FromMilliseconds(10), WhileStreaming = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _stop = new();
    private readonly StoreDatabase _database;
    private readonly IContender _contender;
    private readonly Dictionary<string, ProcessUsage> _used = [];
    private readonly Dictionary<string, TimeSpan> _usedAtFirst = [];
    private readonly Dictionary<int, TimeSpan> _sendersAtFirst = [];
    private readonly Dictionary<int, TimeSpan> _senders = [];
    private readonly Lock _lock = new();
    private readonly Task _watching;
    private long _streamingSince;

    public SlotWatch(StoreDatabase database, IContender contender)
    {
        _database = database;
        _contender = contender;
        _watching = WatchAsync();
    }

    /// <summary>A timestamp (<see cref="TimeProvider.GetTimestamp"/>) of when the slot was first seen in use; null before.</summary>
    public long? StreamingSince => Volatile.Read(ref _streamingSince) is var since and not 0 ? since : null;

    /// <summary>What each process used, as it was seen last.</summary>
    public IReadOnlyDictionary<string, ProcessFigures> Processes
    {
        get
        {
            Look();
            lock (_lock)
                return _used.ToDictionary(process => process.Key, process => FiguresOf(process.Key, process.Value));
        }
    }

    /// <summary>Processor time of the server's processes that served the slot.</summary>
    public TimeSpan Sender
    {
        get
        {
            Look();
            lock (_lock)
                return TimeSpan.FromTicks(_senders.Sum(sender => (sender.Value - _sendersAtFirst[sender.Key]).Ticks));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        if (_contender.Slot is not { } slot)
            return;
        await using var connection = await _database.DataSource.OpenConnectionAsync(_stop.Token);
        await using var command = new NpgsqlCommand($"SELECT active_pid FROM pg_replication_slots WHERE slot_name = '{slot}'", connection);
        await command.PrepareAsync(_stop.Token);
        while (true)
        {
            if (await command.ExecuteScalarAsync(_stop.Token) is int pid)
            {
                if (StreamingSince is null)
                    Begin();
                lock (_lock)
                {
                    if (ProcessUsage.Of(pid) is { } used && _sendersAtFirst.TryAdd(pid, used.Cpu))
                        _senders[pid] = used.Cpu;
                }
            }
            Look();
            await Task.Delay(StreamingSince is null ? UntilStreaming : WhileStreaming, _stop.Token);
        }
    }

    private void Begin()
    {
        Volatile.Write(ref _streamingSince, TimeProvider.System.GetTimestamp());
        Look();
        lock (_lock)
        {
            foreach (var (name, used) in _used)
                _usedAtFirst[name] = used.Cpu;
        }
    }

    private ProcessFigures FiguresOf(string name, ProcessUsage used)
    {
        var start = _usedAtFirst.GetValueOrDefault(name);
        return new((used.Cpu - start).TotalSeconds, start.TotalSeconds, used.PeakMb, used.ResidentMb);
    }

    private void Look()
    {
        lock (_lock)
        {
            foreach (var pid in _senders.Keys)
            {
                if (ProcessUsage.Of(pid) is { } used)
                    _senders[pid] = used.Cpu;
            }
            foreach (var (name, pid) in _contender.Processes)
            {
                if (ProcessUsage.Of(pid) is { } used)
                    _used[name] = used;
            }
        }
    }
}
