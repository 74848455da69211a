using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;
using Confluent.Kafka;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>
/// The topic's changes, as one member of the consumer group: each processor has some of the partitions, and what a lost one had goes to the
/// others. Offsets are committed once the sink has the rows for good, so messages may come again, in any other
/// processor; their versions make that harmless.
/// </summary>
internal sealed partial class KafkaChangeSource : IChangeSource
{
    /// <summary>A resync stands in the topic's order, so whoever writes the topic has to write it.</summary>
    public const string ResyncIsTheConnectors =
        "These tables are filled from Kafka, and a table is copied anew by whoever writes the topic: ask the connector (CdcProcessor " +
        "resync --address http://localhost:4196). Redpanda Connect cannot do it: start the tables anew, as " +
        "redpanda-connect/README.md tells.";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>A member that was killed has its partitions for as long as its session lasts, 45 s.</summary>
    private static readonly TimeSpan PatienceWithGroup = TimeSpan.FromSeconds(60);

    private readonly string _bootstrapServers;
    private readonly KafkaOptions _options;
    private readonly CdcOptions _limits;
    private readonly ProcessorStatus _status;
    private readonly KafkaConnection _connection;
    private readonly ILogger<KafkaChangeSource> _logger;
    private readonly MessageReader _reader;
    private readonly Channel<ChangeBatch> _batches = Channel.CreateBounded<ChangeBatch>(1);

    /// <summary>The partitions that this processor has, and where it began in each.</summary>
    private readonly Dictionary<int, long> _owned = [];
    private readonly Lock _owning = new();

    /// <summary>Hashes of the keys of the batch that is being read.</summary>
    private readonly HashSet<int> _keys = [];
    private BatchSize _expected;
    private IConsumer<byte[]?, byte[]?>? _consumer;
    private Progress _progress = Progress.None;
    private bool _fromBeginning;
    private int _partitions;
    private ConsumeResult<byte[]?, byte[]?>? _held;

    public KafkaChangeSource(
        string bootstrapServers, StarModel model, KafkaOptions options, CdcOptions limits, ProcessorStatus status,
        KafkaConnection connection, ILogger<KafkaChangeSource> logger)
    {
        (_bootstrapServers, _options, _limits, _status, _connection, _logger) =
            (bootstrapServers, options, limits, status, connection, logger);
        _reader = new MessageReader(model, options.Topic);
    }

    /// <summary>A topic made anew under its old name, or with more partitions, is another source: offsets,
    /// and so versions, begin again.</summary>
    public async Task<SourceIdentity> OpenAsync(CancellationToken cancellationToken)
    {
        using var admin = new TopicAdmin(_bootstrapServers, _options);
        var partitions = await admin.PartitionsAsync(_options.Topic, cancellationToken)
            ?? throw new NotReadyException(
                $"Topic '{_options.Topic}' is not there yet at {_bootstrapServers}: start the connector, which creates it, or create it " +
                "with its final number of partitions.");
        var id = await admin.IdAsync(_options.Topic, cancellationToken);
        _status.Partitions = _partitions = partitions;
        var name = $"{_options.Topic} ({partitions} partitions{(id.Length > 0 ? ", id " + id : "")})";
        return new SourceIdentity("kafka", name, Timeline: 0, Ordered: false, _options.Topic, partitions);
    }

    public Task ResumeAsync(Progress progress, CancellationToken cancellationToken)
    {
        _progress = progress;
        return Task.CompletedTask;
    }

    /// <summary>Begins with the topic's first message again. The tables must be empty then: what the topic does not hold
    /// any more, no message deletes.</summary>
    /// <exception cref="NotReadyException">Other processors of the group run.</exception>
    public async Task<bool> RestartAsync(Progress progress, CancellationToken cancellationToken)
    {
        await Task.Run(() => CommitBeginnings(cancellationToken), cancellationToken);
        _fromBeginning = true;
        return false;
    }

    public async IAsyncEnumerable<ChangeBatch> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig(Member())
        {
            StatisticsIntervalMs = KafkaConnection.StatisticsIntervalMs,
            // As brokers keep them, compressed to a tenth: with more, a flood held half a gigabyte. A larger message comes alone (KIP-74).
            MaxPartitionFetchBytes = 512 * 1024,
            QueuedMaxMessagesKbytes = 4 * 1024, // of bodies; what librdkafka keeps beside each is as much again and more
            // What is derived whole takes as long as it takes, and the group must not believe that nobody is here: a dead process is told
            // by its missing heartbeats (session.timeout.ms).
            MaxPollIntervalMs = 86_400_000,
            FetchQueueBackoffMs = 10, // a second, unless told otherwise, is a dozen batches
            FetchWaitMaxMs = 100,
            ConsumeResultFields = "headers", // neither the topic's name nor the time anew with each message
        })
        .SetPartitionsAssignedHandler((_, partitions) => Assign(partitions))
        .SetPartitionsRevokedHandler((_, partitions) => Revoke(partitions))
        .SetPartitionsLostHandler((_, partitions) => Revoke(partitions))
        .SetLogHandler((_, message) => LogKafka(message.Name, message.Message))
        .SetErrorHandler((_, error) =>
        {
            LogKafka(error.Code.ToString(), error.Reason);
            _connection.Failed(error);
        })
        .SetStatisticsHandler((_, statistics) => _connection.Update(statistics))
        .Build();
        _consumer.Subscribe(_options.Topic);
        LogReading(_options.Topic, _options.Group);

        // librdkafka's calls block.
        var consuming = Task.Factory.StartNew(
            () => Consume(_consumer, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await foreach (var batch in _batches.Reader.ReadAllAsync(cancellationToken))
                yield return batch;
        }
        finally
        {
            await stop.CancelAsync();
            await consuming;
        }
    }

    public void RequestCopy(IReadOnlyList<string> tables) => throw new NotSupportedException(ResyncIsTheConnectors);

    /// <summary>Versions of several readers do not depend on when a fact is derived: at once will do.</summary>
    public Task<ChangeBatch?> MarkAsync(IReadOnlyCollection<LandedRow> rows, CancellationToken cancellationToken)
    {
        var batch = new ChangeBatch();
        foreach (var row in rows)
            batch.Add(_reader.Derive(row, batch));
        return Task.FromResult<ChangeBatch?>(batch);
    }

    public Task AcknowledgeAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken)
    {
        TopicPartitionOffset[] offsets;
        lock (_owning)
        {
            // What another processor has by now is its own to commit, and what we had of it before, long past.
            offsets = [.. positions
                .Where(position => _owned.TryGetValue(position.Partition, out var began) && (long)position.Position > began)
                .Select(position => new TopicPartitionOffset(_options.Topic, position.Partition, (long)position.Position))];
        }
        return offsets.Length == 0 ? Task.CompletedTask : Task.Run(() => Commit(offsets), cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_consumer is not { } consumer)
            return;

        // Leaving the group lets the others take over at once.
        await Task.Run(consumer.Close);
        consumer.Dispose();
    }

    private ConsumerConfig Member() => new(_options.Client(_bootstrapServers))
    {
        GroupId = _options.Group,
        EnableAutoCommit = false,
        EnableAutoOffsetStore = false,
        IsolationLevel = IsolationLevel.ReadCommitted,
        // With "earliest" retention would skip messages without a word; with "latest" a new group would read nothing.
        AutoOffsetReset = AutoOffsetReset.Error,
        PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky,
    };

    /// <summary>
    /// Lets the group begin anew, before the tables are emptied: over empty tables what it had committed would leave out all that came
    /// before, if this process ended early. A processor that runs beside this one would go on where it is, so there must be none.
    /// </summary>
    private void CommitBeginnings(CancellationToken cancellationToken)
    {
        var assigned = new HashSet<TopicPartition>();
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(Member())
            .SetPartitionsAssignedHandler((_, partitions) =>
            {
                assigned.UnionWith(partitions);
                return partitions.Select(partition => new TopicPartitionOffset(partition, Offset.End));
            })
            .SetPartitionsRevokedHandler((_, partitions) => assigned.ExceptWith(partitions.Select(partition => partition.TopicPartition)))
            .SetLogHandler((_, message) => LogKafka(message.Name, message.Message))
            .Build();
        consumer.Subscribe(_options.Topic);
        try
        {
            var started = Stopwatch.GetTimestamp();
            while (assigned.Count < _partitions)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (Stopwatch.GetElapsedTime(started) > PatienceWithGroup)
                    throw new NotReadyException(
                        $"Other processors of group '{_options.Group}' are running, and would go on with tables that are emptied under " +
                        "them: stop them, then this one begins anew.");
                consumer.Consume(TimeSpan.FromMilliseconds(100));
            }
            consumer.Commit(assigned.Select(
                partition => new TopicPartitionOffset(partition, consumer.QueryWatermarkOffsets(partition, Patience).Low)));
        }
        finally
        {
            consumer.Close();
        }
    }

    private void Commit(TopicPartitionOffset[] offsets)
    {
        try
        {
            _consumer!.Commit(offsets);
        }
        catch (KafkaException e) when (e.Error.Code is ErrorCode.RebalanceInProgress or ErrorCode.IllegalGeneration
            or ErrorCode.UnknownMemberId)
        {
            // The partitions have gone elsewhere or are just going: their messages come again, there or here.
            LogNotCommitted(e.Error.Reason);
        }
    }

    private void Consume(IConsumer<byte[]?, byte[]?> consumer, CancellationToken cancellationToken)
    {
        Exception? fault = null;
        try
        {
            while (!cancellationToken.IsCancellationRequested)
                Hand(NextBatch(consumer, cancellationToken), cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (ConsumeException e) when (e.Error.Code == ErrorCode.Local_AutoOffsetReset)
        {
            fault = new ResyncRequiredException(
                $"The next message for this processor is gone from topic '{_options.Topic}' ({e.Error.Reason}): it was away for longer " +
                "than the topic keeps messages, or the topic was made anew. Run 'CdcProcessor resync --all', here and at the connector.");
        }
        catch (Exception e)
        {
            fault = e;
        }
        _batches.Writer.TryComplete(fault);
    }

    /// <summary>What is there, up to the limits: a lone message at once, a flood in large batches.</summary>
    private ChangeBatch NextBatch(IConsumer<byte[]?, byte[]?> consumer, CancellationToken cancellationToken)
    {
        // In a flood the next one will be as large.
        var batch = new ChangeBatch(_expected);
        _keys.Clear();
        try
        {
            var message = _held ?? consumer.Consume(cancellationToken);
            _held = null;
            while (message is not null)
            {
                var isNew = _keys.Add(HashOf(message.Message.Key));
                var announced = _reader.Read(message, batch, out var isIncomplete);
                if (isIncomplete && !isNew)
                {
                    // What it lacks is taken from the row before, which must have landed first.
                    batch.RemoveLast();
                    _held = message;
                    break;
                }

                batch.EndAt(new SourcePosition(message.Partition.Value, (ulong)message.Offset.Value + 1, announced));
                if (batch.Retries.Count > 0 || batch.Count >= _limits.BatchChanges || batch.Size >= _limits.BatchBytes)
                    break;
                message = consumer.Consume(TimeSpan.Zero);
            }

            _expected = batch.Next;
            return batch;
        }
        catch
        {
            batch.Dispose();
            throw;
        }
    }

    private static int HashOf(byte[]? key)
    {
        var hash = new HashCode();
        hash.AddBytes(key);
        return hash.ToHashCode();
    }

    /// <summary>Waits while the sink is busy: that is how its pace reaches the broker.</summary>
    private void Hand(ChangeBatch batch, CancellationToken cancellationToken) =>
        _batches.Writer.WriteAsync(batch, cancellationToken).AsTask().GetAwaiter().GetResult();

    private IEnumerable<TopicPartitionOffset> Assign(List<TopicPartition> partitions)
    {
        // What is thrown here comes out of Consume.
        TopicPartitionOffset[] starts = [.. _consumer!.Committed(partitions, Patience)
            .Select(committed => new TopicPartitionOffset(committed.TopicPartition, Start(committed)))];
        lock (_owning)
        {
            foreach (var start in starts)
                _owned[start.Partition.Value] = start.Offset.Value;
        }
        ShowOwned();
        return starts;
    }

    /// <summary>
    /// The committed offset; where the group has none (it is new, or was forgotten), what the tables have; the
    /// beginning only if they have nothing.
    /// </summary>
    private Offset Start(TopicPartitionOffset committed)
    {
        var partition = committed.Partition.Value;
        var applied = _progress.Positions.Where(position => position.Partition == partition).Select(position => (long)position.Position)
            .FirstOrDefault();
        var watermarks = _consumer!.QueryWatermarkOffsets(committed.TopicPartition, Patience);
        if (_fromBeginning || (committed.Offset == Offset.Unset && applied == 0))
            return watermarks.Low;

        if (committed.Offset != Offset.Unset && committed.Offset.Value > watermarks.Low.Value && _progress.Positions.Count == 0)
            throw new NotReadyException(
                $"Group '{_options.Group}' has applied partition {partition} of topic '{_options.Topic}' up to offset " +
                $"{committed.Offset.Value}, and the tables have nothing: they are others than then. Run 'CdcProcessor resync --all'.");

        var start = committed.Offset == Offset.Unset ? applied : committed.Offset.Value;
        if (Math.Max(start, applied) > watermarks.High.Value)
        {
            throw new ResyncRequiredException(
                $"Partition {partition} of topic '{_options.Topic}' ends at offset {watermarks.High}, and messages up to " +
                $"{Math.Max(start, applied)} were applied: the topic was made anew, and its versions would be older than what is " +
                "stored. Run 'CdcProcessor resync --all', here and at the connector.");
        }
        if (start < watermarks.Low.Value)
        {
            throw new ResyncRequiredException(
                $"Partition {partition} of topic '{_options.Topic}' begins at offset {watermarks.Low}, and this group goes on at " +
                $"{start}: retention has removed messages that were never applied. Run 'CdcProcessor " +
                "resync --all', here and at the connector.");
        }
        return start;
    }

    private void Revoke(List<TopicPartitionOffset> partitions)
    {
        lock (_owning)
        {
            foreach (var partition in partitions)
            {
                _owned.Remove(partition.Partition.Value);
                _status.Forget(partition.Partition.Value);
            }
        }
        ShowOwned();
    }

    private void ShowOwned()
    {
        int[] owned;
        lock (_owning)
        {
            owned = [.. _owned.Keys.Order()];
        }
        LogOwned(string.Join(", ", owned));
        if (owned.Length > 0)
            _status.Enter(Phase.Streaming);
        else
            _status.Enter(Phase.StandingBy, $"Other processors of group '{_options.Group}' have all partitions; this one stands by.");
    }

    [LoggerMessage(EventId = 70, Level = LogLevel.Information, Message = "Reading topic {Topic} in group {Group}")]
    private partial void LogReading(string topic, string group);

    [LoggerMessage(EventId = 71, Level = LogLevel.Information, Message = "Partitions of this processor: {Partitions}")]
    private partial void LogOwned(string partitions);

    [LoggerMessage(EventId = 72, Level = LogLevel.Warning, Message = "Kafka: {Source}: {What}")]
    private partial void LogKafka(string source, string what);

    [LoggerMessage(EventId = 73, Level = LogLevel.Debug, Message = "Offsets were not committed: {Reason}")]
    private partial void LogNotCommitted(string reason);
}
