using System.Buffers.Binary;
using System.Buffers.Text;

namespace AspireCdc.Benchmarks.Cdc.Limit;

/// <summary>
/// What the server can give: its messages are received and thrown away, with a low-water mark, so that nothing but the server's own
/// decoding and sending is measured. Runs in this process.
/// </summary>
internal sealed class ServerLimit(StoreDatabase database, int round) : IContender
{
    // CopyData's header; 'w' and three numbers; then pgoutput's message, of which a commit's position and
    // an insert's first value are looked at.
    private const int HeaderLength = 5, PayloadAt = HeaderLength + 25, LookAt = PayloadAt + 33;

    private static readonly TimeSpan StatusInterval = TimeSpan.FromMilliseconds(500), Resolution = TimeSpan.FromMilliseconds(1);

    private readonly byte[] _buffer = new byte[1 << 20];
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource? _stop;
    private Task? _reading;
    private long _changes;
    private ulong _received;
    private long _inserted;
    private long _committed;

    public string Slot { get; } = $"bench_limit_{round}";

    public IReadOnlyDictionary<string, int> Processes { get; } = new Dictionary<string, int>();

    public Task PrepareAsync(CancellationToken cancellationToken) => database.CreateSlotAsync(Slot, cancellationToken);

    public Task StartAsync(Workload? workload, CancellationToken cancellationToken)
    {
        var connection = ReplicationSocket.Start(database.Superuser, Slot, StoreDatabase.Publication);
        _stop = new CancellationTokenSource();
        _reading = Task.Factory.StartNew(() => Read(connection, workload?.End ?? ulong.MaxValue, _stop.Token), CancellationToken.None,
            TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return Task.CompletedTask;
    }

    public async Task LastChangeAsync(Workload workload, CancellationToken cancellationToken) =>
        await await Task.WhenAny(_end.Task, _reading!).WaitAsync(cancellationToken);

    public Task<string?> VerifyAsync(Workload workload, CancellationToken cancellationToken) =>
        Task.FromResult(_changes == workload.Changes ? null : $"{_changes} changes came of {workload.Changes}");

    public Task OrderAsync(long id, CancellationToken cancellationToken) =>
        Poll.UntilAsync(() => Task.FromResult(Volatile.Read(ref _committed) == id), Resolution, cancellationToken);

    public async Task StopAsync()
    {
        if (_stop is null)
            return;
        await _stop.CancelAsync();
        await _reading!.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _stop = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await database.DropSlotAsync(Slot, CancellationToken.None);
    }

    private void Read(ReplicationSocket connection, ulong end, CancellationToken stop)
    {
        using (connection)
        {
            var input = new LowWaterMark(connection.Socket);
            var confirmed = Environment.TickCount64;
            int kept = 0, skip = 0;
            while (!stop.IsCancellationRequested)
            {
                var received = input.Receive(_buffer.AsSpan(kept), StatusInterval);
                (kept, skip) = Walk(kept + received, skip, end);
                if (Environment.TickCount64 - confirmed < StatusInterval.TotalMilliseconds)
                    continue;
                connection.Confirm(_received);
                confirmed = Environment.TickCount64;
            }
            connection.Confirm(_received);
        }
    }

    /// <summary>Looks at the head of each message in the buffer; returns what is kept for the next time, and what
    /// of it is to be skipped then.</summary>
    private (int Kept, int Skip) Walk(int length, int skip, ulong end)
    {
        var at = skip;
        while (at < length)
        {
            var rest = _buffer.AsSpan(at, length - at);
            if (rest.Length < HeaderLength)
                break;
            var message = 1 + BinaryPrimitives.ReadInt32BigEndian(rest[1..]);
            if (rest.Length < Math.Min(message, LookAt))
                break;
            if (rest[0] == 'd' && rest[HeaderLength] == 'w')
                Look(rest[PayloadAt..Math.Min(message, LookAt)], end);
            at += message;
        }
        if (at >= length)
            return (0, at - length);
        _buffer.AsSpan(at, length - at).CopyTo(_buffer);
        return (length - at, 0);
    }

    private void Look(ReadOnlySpan<byte> payload, ulong end)
    {
        switch (payload[0])
        {
            case (byte)'I':
                _changes++;
                // Kind, relation, 'N', number of columns, 't', length, text.
                _inserted = Utf8Parser.TryParse(payload[13..], out long id, out _) ? id : 0;
                break;
            case (byte)'U' or (byte)'D':
                _changes++;
                break;
            case (byte)'C':
                _received = BinaryPrimitives.ReadUInt64BigEndian(payload[2..]);
                Volatile.Write(ref _committed, _inserted);
                if (_received >= end)
                    _end.TrySetResult();
                break;
        }
    }
}
