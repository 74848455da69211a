using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;
using Confluent.Kafka;

namespace AspireCdc.CdcProcessor.Kafka;

/// <summary>
/// PostgreSQL's changes as messages: one a change, each key in a partition of its own choosing, each batch in one Kafka transaction.
/// </summary>
/// <remarks>
/// The transaction is what makes a restart safe: when this connector's successor opens with the same transactional id, whatever a dead
/// connector still had on its way is refused for ever. Merely idempotent producers are not fenced; their queued
/// messages arrive after the successor's.
/// </remarks>
internal sealed partial class KafkaChangeSink : IChangeSink
{
    /// <summary>The connector has no tables to keep them in: what it reads it sends.</summary>
    public const string DeadLettersAreTheProcessors =
        "This connector fills a topic and keeps no dead letters: ask a processor behind the topic (CdcProcessor dead-letters list " +
        "--address http://localhost:4196).";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _bootstrapServers;
    private readonly string _slot;
    private readonly KafkaOptions _options;
    private readonly KafkaConnection _connection;
    private readonly ILogger<KafkaChangeSink> _logger;
    private readonly ProgressTopic _progressTopic;
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _json;

    private readonly SemaphoreSlim _transacting = new(1);

    /// <summary>Where the first mark of a running copy stands, by table and partition.</summary>
    private readonly Dictionary<string, long[]> _copyBegan = [];

    /// <summary>Changes of a copied table that were committed before its copy's point are part of the copy,
    /// and must not come after it.</summary>
    private readonly Dictionary<string, ulong> _copied = [];
    private IProducer<byte[], byte[]>? _producer;
    private int _partitions;
    private int _largestMessage;
    private string _largestIs = "Cdc:MaxMessageBytes";
    private ulong _announced;

    /// <summary>Up to which version of the stream rows without a key have been sent.</summary>
    private UInt128 _sent;

    /// <summary>The headers of the message before: the changes of one commit, in one batch, share them.</summary>
    private (long CommitTime, string? Trace, Headers? Headers) _headers;

    public KafkaChangeSink(
        string bootstrapServers, string slot, KafkaOptions options, KafkaConnection connection, ILogger<KafkaChangeSink> logger)
    {
        (_bootstrapServers, _slot, _options, _connection, _logger) = (bootstrapServers, slot, options, connection, logger);
        _progressTopic = new ProgressTopic(ProgressTopic.NameFor(options.Topic));
        _largestMessage = options.MaxMessageBytes;
        _json = new Utf8JsonWriter(
            _buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    /// <summary>A row's place in the topic is its version, so nothing above a copy's point may go out before the copy.</summary>
    public bool CopiesInOrder => true;

    /// <summary>A topic has no facts.</summary>
    public bool HasWork => false;

    private IProducer<byte[], byte[]> Producer => _producer ?? throw new InvalidOperationException("The sink is not open.");

    /// <summary>Makes the topics if they are missing, and reads what has been sent. It fences nobody yet: asking for the
    /// status must not stop who runs.</summary>
    public async Task<Progress> OpenAsync(CancellationToken cancellationToken)
    {
        await OpenTopicsAsync(cancellationToken);
        var progress = await _progressTopic.LoadAsync(_options.Client(_bootstrapServers), cancellationToken);
        foreach (var copy in progress.Copies.Where(copy => copy.State == CopyState.Done))
            _copied[copy.Table] = copy.Point;
        return progress;
    }

    /// <summary>Before replication starts: from here on nothing arrives any more that a predecessor had queued.</summary>
    public async Task BeginAsync(SourceIdentity source, CancellationToken cancellationToken)
    {
        _producer = new ProducerBuilder<byte[], byte[]>(new ProducerConfig(_options.Client(_bootstrapServers))
        {
            StatisticsIntervalMs = KafkaConnection.StatisticsIntervalMs,
            TransactionalId = _slot,
            // As Redpanda Connect and Kafka's own clients place keys; librdkafka's default would move most of them.
            Partitioner = Partitioner.Murmur2Random,
            CompressionType = CompressionType.Lz4,
            LingerMs = 1, // a transaction's end flushes anyway
            MessageMaxBytes = _largestMessage,
            QueueBufferingMaxMessages = 2_000_000, // a batch never fills it
        })
        .SetLogHandler((_, message) => LogKafka(message.Name, message.Message))
        .SetErrorHandler((_, error) =>
        {
            LogKafka(error.Code.ToString(), error.Reason);
            _connection.Failed(error);
        })
        .SetStatisticsHandler((_, statistics) => _connection.Update(statistics))
        .Build();
        await Task.Run(() => Producer.InitTransactions(Patience), cancellationToken);
        // By now a predecessor's last transaction has ended, one way or the other.
        _sent = (await _progressTopic.LoadAsync(_options.Client(_bootstrapServers), cancellationToken)).Sent;
        await TransactAsync(producer => _progressTopic.Save(producer, source), cancellationToken);
    }

    public async Task WriteAsync(ChangeBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Count == 0)
            return;
        var sent = _sent;
        await TransactAsync(producer =>
        {
            using var activity = BatchTrace.Step($"send {_options.Topic}", ActivityKind.Producer)
                ?.SetTag("messaging.system", "kafka").SetTag("messaging.destination.name", _options.Topic)
                    .SetTag("messaging.batch.message_count", batch.Count);
            foreach (ref readonly var change in batch.Changes)
            {
                // A slot may go back behind what was sent, by a whole transaction or to the middle of one, and behind the topic each
                // message of a row without a key is a row.
                if (change.Operation == ChangeOperation.Insert && change.Relation.Table.AppendOnly)
                {
                    if (change.Version <= _sent)
                        continue;
                    sent = UInt128.Max(sent, change.Version);
                }
                Send(producer, batch, change);
            }
            if (batch.Ends.Count > 0)
                Announce(producer, batch.Ends[^1]);
            if (sent > _sent)
                _progressTopic.Save(producer, sent);
        }, cancellationToken);
        _sent = sent;
    }

    /// <summary>
    /// A committed transaction is durable, and holds its own position. What a quiet stretch of the WAL adds is recorded here, before the
    /// slot hears of it: a slot beyond all that is known to be sent would mean that changes are lost.
    /// </summary>
    public Task MakeDurableAsync(IReadOnlyCollection<SourcePosition> positions, CancellationToken cancellationToken) =>
        positions.Count == 0 ? Task.CompletedTask : TransactAsync(
            producer => Announce(producer, positions.MaxBy(position => position.Position)), cancellationToken,
            positions.Max(position => position.Position));

    public Task WorkAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task SaveAsync(TableCopy copy, CancellationToken cancellationToken) =>
        RecordAsync(producer => _progressTopic.Save(producer, copy), cancellationToken);

    /// <summary>The rows stay in the topic: the copy that follows replaces them, between its marks.</summary>
    public async Task ResetAsync(bool keepRows, CancellationToken cancellationToken)
    {
        var progress = await _progressTopic.LoadAsync(_options.Client(_bootstrapServers), cancellationToken);
        await RecordAsync(producer => _progressTopic.Clear(producer, progress), cancellationToken);
        _copied.Clear();
        _sent = 0;
    }

    public Task RequestResetAsync(CancellationToken cancellationToken) => RecordAsync(_progressTopic.RequestReset, cancellationToken);

    public Task SetPausedAsync(bool paused, CancellationToken cancellationToken) =>
        RecordAsync(producer => _progressTopic.SavePaused(producer, paused), cancellationToken);

    /// <summary>Dead letters are the processors', behind the topic.</summary>
    public Task<IReadOnlyList<LandedRow>> RetryDeadLettersAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<LandedRow>>([]);

    public ValueTask DisposeAsync()
    {
        _json.Dispose();
        _transacting.Dispose();
        _producer?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task OpenTopicsAsync(CancellationToken cancellationToken)
    {
        using var admin = new TopicAdmin(_bootstrapServers, _options);
        if (await admin.PartitionsAsync(_options.Topic, cancellationToken) is { } partitions)
        {
            if (partitions != _options.Partitions)
            {
                throw new NotReadyException(
                    $"Topic '{_options.Topic}' has {partitions} partitions and Cdc:Partitions says {_options.Partitions}. Set " +
                    $"Cdc__Partitions={partitions}, or name another topic: keys cannot change their partition.");
            }
            await CheckSettingsAsync(admin, cancellationToken);
        }
        else
        {
            await admin.CreateAsync(_options.Topic, _options.Partitions, new()
            {
                ["retention.ms"] = ((long)_options.Retention.TotalMilliseconds).ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["max.message.bytes"] = _options.MaxMessageBytes.ToString(System.Globalization.CultureInfo.InvariantCulture),
            }, cancellationToken);
            LogCreated(_options.Topic, _options.Partitions, _options.Retention);
        }

        _partitions = _options.Partitions;
        var progress = ProgressTopic.NameFor(_options.Topic);
        if (await admin.PartitionsAsync(progress, cancellationToken) is null)
            await admin.CreateAsync(progress, partitions: 1, ProgressTopic.Settings, cancellationToken);
    }

    /// <summary>A topic that somebody else has made may forget changes, or refuse them.</summary>
    private async Task CheckSettingsAsync(TopicAdmin admin, CancellationToken cancellationToken)
    {
        var settings = await admin.SettingsAsync(_options.Topic, cancellationToken);
        if (settings.TryGetValue("cleanup.policy", out var policy) && policy.Contains("compact", StringComparison.Ordinal))
        {
            throw new NotReadyException(
                $"Topic '{_options.Topic}' is compacted (cleanup.policy={policy}): it would forget changes, and takes none without a " +
                "key. Set cleanup.policy=delete for it, or name another topic (Cdc__Topic).");
        }
        if (settings.TryGetValue("max.message.bytes", out var text) && int.TryParse(text, out var largest)
            && largest < _options.MaxMessageBytes)
        {
            (_largestMessage, _largestIs) = (largest, $"max.message.bytes of topic '{_options.Topic}'");
            LogSmallTopic(_options.Topic, largest, _options.MaxMessageBytes);
        }
    }

    /// <summary>What people ask for is recorded outside of transactions, which belong to the connector that runs.</summary>
    private Task RecordAsync(Action<IProducer<byte[], byte[]>> record, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            using var producer =
                new ProducerBuilder<byte[], byte[]>(new ProducerConfig(_options.Client(_bootstrapServers)) { EnableIdempotence = true })
                .SetLogHandler((_, message) => LogKafka(message.Name, message.Message)).Build();
            record(producer);
            producer.Flush(cancellationToken);
        },
        cancellationToken);

    /// <summary>All or nothing, and nothing to do where <paramref name="beyond"/> is announced already. librdkafka's calls block, so they
    /// have a thread of their own.</summary>
    private async Task TransactAsync(
        Action<IProducer<byte[], byte[]>> send, CancellationToken cancellationToken, ulong beyond = ulong.MaxValue)
    {
        // One transaction at a time: positions are made durable beside the next batch.
        await _transacting.WaitAsync(cancellationToken);
        try
        {
            if (beyond > _announced)
                await Task.Run(() => Transact(send), cancellationToken);
        }
        finally
        {
            _transacting.Release();
        }
    }

    private void Transact(Action<IProducer<byte[], byte[]>> send)
    {
        try
        {
            Producer.BeginTransaction();
            send(Producer);
            Producer.CommitTransaction(Patience);
        }
        catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_Fenced)
        {
            throw new InvalidOperationException($"Another connector has taken over transactional id '{_slot}'.", e);
        }
        catch (KafkaException e) when (e.Error.Code is ErrorCode.MsgSizeTooLarge)
        {
            throw new InvalidOperationException(
                $"A change is larger than {_largestMessage} bytes, the largest message that {_largestIs} allows. " +
                $"{(_largestMessage < _options.MaxMessageBytes ? "Raise it: all that was committed later waits for that."
                    : $"Raise it, and max.message.bytes of topic '{_options.Topic}'.")}", e);
        }
    }

    /// <summary>Records how far the topic goes, and tells the consumers of every partition.</summary>
    private void Announce(IProducer<byte[], byte[]> producer, SourcePosition end)
    {
        _progressTopic.Save(producer, end);
        WriteMark(null, ChangeMessage.Progress, end.Position);
        Broadcast(producer, _ => _buffer.WrittenSpan.ToArray(), commitTime: 0);
        _announced = end.Position;
    }

    private void Send(IProducer<byte[], byte[]> producer, ChangeBatch batch, in Change change)
    {
        var table = change.Relation.Table.Source;
        if (change.Lsn != 0 && _copied.TryGetValue(table, out var point) && change.Lsn < point)
            return;

        switch (change.Operation)
        {
            case ChangeOperation.Update when change.Old.Exists && ChangeMessage.KeyOf(batch, change.Relation, change.Old) is var old
                && old != ChangeMessage.KeyOf(batch, change.Relation, change.New):
                Send(producer, batch, change, ChangeOperation.Delete, change.Old, old);
                Send(producer, batch, change, ChangeOperation.Insert, change.New, ChangeMessage.KeyOf(batch, change.Relation, change.New));
                break;
            case ChangeOperation.Insert or ChangeOperation.Update or ChangeOperation.Read:
                Send(producer, batch, change, change.Operation, change.New, ChangeMessage.KeyOf(batch, change.Relation, change.New));
                break;
            case ChangeOperation.Delete:
                Send(producer, batch, change, ChangeOperation.Delete, change.Old, ChangeMessage.KeyOf(batch, change.Relation, change.Old));
                break;
            case ChangeOperation.Truncate:
                // No key carries it, so it reaches every partition, and clears there what that partition brought.
                WriteMark(table, change.Operation.Name(), change.Lsn);
                Broadcast(producer, _ => _buffer.WrittenSpan.ToArray(), change.CommitTime, batch.TraceOf(change.Lsn));
                break;
            case ChangeOperation.CopyBegin:
                _copied.Remove(table);
                WriteMark(table, change.Operation.Name(), PointOf(change));
                _copyBegan[table] = Broadcast(producer, _ => _buffer.WrittenSpan.ToArray(), commitTime: 0, wait: true);
                break;
            case ChangeOperation.CopyEnd:
                EndCopy(producer, change.Relation, PointOf(change));
                break;
        }
    }

    /// <summary>The second mark says where the first one stands, and the copy is done with it, in one transaction.</summary>
    private void EndCopy(IProducer<byte[], byte[]> producer, Relation relation, ulong point)
    {
        var table = relation.Table.Source;
        if (!_copyBegan.Remove(table, out var began))
            throw new InvalidOperationException($"The copy of '{table}' ends and never began.");

        Broadcast(
            producer,
            partition =>
            {
                WriteMark(table, ChangeOperation.CopyEnd.Name(), point, began[partition]);
                return _buffer.WrittenSpan.ToArray();
            },
            commitTime: 0);
        _progressTopic.Save(producer, new TableCopy(table, CopyState.Done, point, relation.Table.Fingerprint, relation.Form));
        _copied[table] = point;
    }

    private void Send(
        IProducer<byte[], byte[]> producer, ChangeBatch batch, in Change change, ChangeOperation operation, RowRef row, string key)
    {
        _buffer.ResetWrittenCount();
        _json.Reset();
        ChangeMessage.WriteRow(_json, batch, change.Relation, operation, change.Lsn, row);
        _json.Flush();
        producer.Produce(_options.Topic, new Message<byte[], byte[]>
        {
            // Rows without a key are nobody's next version, and may lie anywhere.
            Key = change.Relation.Table.AppendOnly ? null! : Encoding.UTF8.GetBytes(key),
            Value = _buffer.WrittenSpan.ToArray(),
            Headers = Headers(change.CommitTime, batch.TraceOf(change.Lsn)),
        });
    }

    private long[] Broadcast(
        IProducer<byte[], byte[]> producer, Func<int, byte[]> value, long commitTime, TracedCommit? commit = null, bool wait = false)
    {
        var sent = new Task<DeliveryResult<byte[], byte[]>>[_partitions];
        for (var partition = 0; partition < _partitions; partition++)
            sent[partition] = producer.ProduceAsync(new TopicPartition(_options.Topic, partition),
                new Message<byte[], byte[]> { Value = value(partition), Headers = Headers(commitTime, commit) });
        return wait ? [.. Task.WhenAll(sent).GetAwaiter().GetResult().Select(result => result.Offset.Value)] : [];
    }

    private void WriteMark(string? table, string operation, ulong lsn, long? copyBegan = null)
    {
        _buffer.ResetWrittenCount();
        _json.Reset();
        ChangeMessage.WriteMark(_json, table, operation, lsn, copyBegan);
        _json.Flush();
    }

    private Headers? Headers(long commitTime, TracedCommit? commit)
    {
        var trace = commit?.Header ?? Activity.Current?.Id;
        if (_headers.CommitTime == commitTime && ReferenceEquals(_headers.Trace, trace))
            return _headers.Headers;

        Headers? headers = null;
        if (commitTime != 0)
            (headers ??= []).Add(ChangeMessage.CommitTimeHeader, Encoding.ASCII.GetBytes(ChangeMessage.Milliseconds(commitTime)));
        if (trace is not null)
            (headers ??= []).Add(ChangeMessage.TraceHeader, Encoding.ASCII.GetBytes(trace));
        _headers = (commitTime, trace, headers);
        return headers;
    }

    private static ulong PointOf(in Change change) => (ulong)(change.Bound >> 64);

    [LoggerMessage(EventId = 60, Level = LogLevel.Information,
        Message = "Created topic {Topic} with {Partitions} partitions; it keeps messages for {Retention}")]
    private partial void LogCreated(string topic, int partitions, TimeSpan retention);

    [LoggerMessage(EventId = 62, Level = LogLevel.Warning,
        Message =
            "Topic {Topic} takes messages of {Bytes} bytes at most (max.message.bytes), and Cdc:MaxMessageBytes is {Configured}: a " +
            "larger row will stop the connector")]
    private partial void LogSmallTopic(string topic, int bytes, int configured);

    [LoggerMessage(EventId = 61, Level = LogLevel.Warning, Message = "Kafka: {Source}: {What}")]
    private partial void LogKafka(string source, string what);
}
