using System.Buffers.Binary;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Reads the replication stream into batches, and tells the server how far it may forget.</summary>
internal sealed class WalReader(WireConnection connection, PgOutputDecoder decoder, BatchExchange<StreamBatch> exchange, CdcOptions options,
    TimeProvider time, Func<int> incompleteAtOnce, Action<int>? onLarge = null)
{
    /// <summary>A change that takes so many bytes is worth a word while it is under way.</summary>
    private const int LargeChange = 32 * 1024 * 1024;

    private const long PostgresEpochSeconds = 946_684_800;

    /// <summary>Who is so far behind the server may be a moment later still, for fewer and larger batches; a sink's statement costs much of
    /// its time whatever it is given.</summary>
    private static readonly TimeSpan FarBehind = TimeSpan.FromSeconds(2);

    /// <summary>The server is asked for a sign of life this often; without one for thrice as long, the connection counts as dead.</summary>
    private static readonly TimeSpan StatusEvery = TimeSpan.FromSeconds(10);

    private readonly StreamedTransactions _streamed = new();
    private StreamBatch _batch = new();
    private bool _offered;

    /// <summary>The batch has been offered, and may grow.</summary>
    private bool _grows;
    private volatile bool _hearsNothing;
    private ulong _received;
    private ulong _acknowledged;
    private ulong _lastEnd;
    private long _sent;
    private long _lastHeard;

    /// <summary>The server's end of WAL as it last said.</summary>
    public ulong Received => Volatile.Read(ref _received);

    /// <summary>What the sink has not got yet.</summary>
    public PendingCommits Pending { get; } = new();

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _lastHeard = time.GetTimestamp();
        var status = SendStatusRegularlyAsync(stop.Token);
        var reading = ReadAsync(stop.Token);
        var first = await Task.WhenAny(status, reading);
        await stop.CancelAsync();
        await Task.WhenAll(status.ContinueWith(_ => { }, TaskScheduler.Default), reading.ContinueWith(_ => { }, TaskScheduler.Default));
        _streamed.Dispose();
        await first;
    }

    public Task AcknowledgeAsync(ulong lsn, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _acknowledged, Math.Max(lsn, Volatile.Read(ref _acknowledged)));
        Pending.OldestAfter(lsn);
        return SendStatusAsync(demandReply: false, cancellationToken);
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        // What the server has at hand may be read without a pause, and the caller has more to start.
        await Task.Yield();
        var pace = new Pace(connection.Mark, connection.Room, time);
        var saysLarge = true;
        while (true)
        {
            while (connection.TryRead(out var type, out var body))
            {
                if (type == 'E')
                    throw WireConnection.Error(body.Span);
                if (type != 'd')
                    continue;

                if (body.Span[0] == 'w')
                {
                    _sent = BinaryPrimitives.ReadInt64BigEndian(body.Span[17..]) + (PostgresEpochSeconds * 1_000_000);
                    await TakeAsync(BinaryPrimitives.ReadUInt64BigEndian(body.Span[1..]), body[25..], cancellationToken);
                }
                else if (body.Span[0] == 'k')
                    await TakeKeepaliveAsync(body, cancellationToken);
            }

            if (connection.Missing < LargeChange)
                saysLarge = true;
            else if (saysLarge)
            {
                saysLarge = false;
                onLarge?.Invoke(connection.Missing);
            }
            await pace.BeforeReceiveAsync(connection.Missing, cancellationToken);
            await connection.ReceiveAsync(cancellationToken);
            pace.AfterReceive(connection.LastReceived, connection.LastWaited);
            Volatile.Write(ref _lastHeard, time.GetTimestamp());
        }
    }

    private async ValueTask TakeAsync(ulong lsn, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _received, Math.Max(_received, lsn));
        if (_streamed.Has(message.Span))
        {
            _streamed.Keep(lsn, message.Span);
            return;
        }
        if (_streamed.Commit(message.Span) is { } transaction)
        {
            await TakeWholeAsync(transaction, cancellationToken);
            return;
        }
        _streamed.Described(message.Span);
        await TakeChangeAsync(lsn, message, cancellationToken);
    }

    /// <summary>Nothing is received meanwhile: what comes after a commit has to wait for it.</summary>
    private async ValueTask TakeWholeAsync(CommittedTransaction transaction, CancellationToken cancellationToken)
    {
        using (transaction)
        {
            _hearsNothing = true;
            foreach (var (lsn, message) in transaction.Read(cancellationToken))
                await TakeChangeAsync(lsn, message, cancellationToken);
            Volatile.Write(ref _lastHeard, time.GetTimestamp());
            _hearsNothing = false;
        }
    }

    private async ValueTask TakeChangeAsync(ulong lsn, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        Reclaim();

        // Never between two changes of one record: what comes after must have a higher position.
        if ((IsFull || (_grows && exchange.IsImpatient)) && lsn > LastRecord)
        {
            var size = _batch.Changes.Next;
            exchange.Offer(_batch);
            await exchange.WhenTakenAsync(cancellationToken);
            _batch = new StreamBatch(size);
            _grows = false;
        }

        var isNext = !decoder.InTransaction;
        decoder.Decode(lsn, message.Span, _batch);
        if (isNext && decoder.InTransaction)
            Pending.Received(decoder.CommitLsn, decoder.CommitTime);
        if (decoder.InTransaction)
            return;
        Offer(mayGrow: !isNext && IsSmall && _sent - decoder.CommitTime > FarBehind.TotalMicroseconds);
    }

    private async ValueTask TakeKeepaliveAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var end = BinaryPrimitives.ReadUInt64BigEndian(body.Span[1..]);
        Volatile.Write(ref _received, Math.Max(_received, end));
        if (!decoder.InTransaction && (end > _lastEnd || _offered))
        {
            // It stands behind everything received so far, and the pipeline comes to it in this order: quiet tables on
            // a busy server let go of its WAL, too.
            Reclaim();
            if (end > _lastEnd)
                _batch.Changes.EndAt(new SourcePosition(-1, end));
            Offer();
        }
        if (body.Span[17] == 1)
            await SendStatusAsync(demandReply: false, cancellationToken);
    }

    // What a change has left out is read into its batch: a small message may stand for a large row.
    private bool IsFull => _batch.Changes.Count >= options.BatchChanges || _batch.Changes.Size >= options.BatchBytes
        || _batch.Incomplete.Count >= incompleteAtOnce();

    private bool IsSmall => _batch.Changes.Count < options.BatchChanges / 2 && _batch.Changes.Size < options.BatchBytes / 2
        && _batch.Incomplete.Count == 0;

    private ulong LastRecord => (ulong)_batch.Changes.Changes[^1].Version;

    private void Reclaim()
    {
        if (_offered && !exchange.TryReclaim())
            (_batch, _grows) = (new StreamBatch(), false);
        _offered = false;
    }

    private void Offer(bool mayGrow = false)
    {
        if (_batch.Changes.IsEmpty)
            return;
        if (_batch.Changes.Ends is [var end])
            _lastEnd = end.Position;
        _grows = mayGrow && _batch.Changes.Count > 0;
        exchange.Offer(_batch, mayGrow);
        _offered = true;
    }

    private async Task SendStatusRegularlyAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(StatusEvery, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            // A reader that waits for the sink hears nothing, and that is no fault of the server's.
            if (!IsFull && !_hearsNothing && time.GetElapsedTime(Volatile.Read(ref _lastHeard)) > 3 * StatusEvery)
                throw new TimeoutException(
                    $"PostgreSQL has not answered for {3 * StatusEvery.TotalSeconds:0} s on the replication connection.");
            await SendStatusAsync(demandReply: true, cancellationToken);
        }
    }

    private async Task SendStatusAsync(bool demandReply, CancellationToken cancellationToken)
    {
        var message = new byte[1 + 8 + 8 + 8 + 8 + 1];
        var acknowledged = Volatile.Read(ref _acknowledged);
        message[0] = (byte)'r';
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(1), Math.Max(Received, acknowledged));
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(9), acknowledged);
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(17), acknowledged);
        BinaryPrimitives.WriteInt64BigEndian(
            message.AsSpan(25), (time.GetUtcNow().ToUnixTimeMilliseconds() - (PostgresEpochSeconds * 1000)) * 1000);
        message[33] = demandReply ? (byte)1 : (byte)0;
        await connection.SendCopyDataAsync(message, cancellationToken);
    }
}
