using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.ServiceDefaults;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>Metrics and traces, under the names that the documentation gives.</summary>
internal sealed class CdcMetrics
{
    public const string Name = BatchTrace.Name;

    private readonly Counter<long> _changes;
    private readonly Histogram<long> _batchSize;
    private readonly Histogram<double> _sinkDuration;
    private readonly Histogram<double> _latency;
    private readonly RecentFlow _recent;
    private readonly TimeProvider _time;
    private readonly Dictionary<(string, ChangeOperation), long> _counts = [];

    public CdcMetrics(
        IMeterFactory meters, ProcessorStatus status, CopyProgress copies, FactProgress facts, RecentFlow recent, TimeProvider time)
    {
        (_recent, _time) = (recent, time);
        var meter = meters.Create(Name);
        _changes = meter.CreateCounter<long>("cdc.changes", "{change}",
            "Changes applied, by table and operation; neither copied rows nor marks.");
        _batchSize = meter.CreateHistogram("cdc.batch.size", "{change}", "Changes and copied rows in a batch.",
            advice: new InstrumentAdvice<long>
            {
                HistogramBucketBoundaries =
                [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000],
            });
        _sinkDuration = meter.CreateHistogram<double>("cdc.sink.duration", "s", "Time that the sink takes for a batch.");
        _latency = meter.CreateHistogram<double>("cdc.end_to_end.latency", "s", "Time from a commit until its changes are visible.");
        meter.CreateObservableGauge("cdc.source.lag", () => status.Lag.Bytes, "By", "WAL that the server has and the sink has not.");
        meter.CreateObservableGauge(
            "cdc.source.lag.time", () => status.Lag.Seconds, "s", "Age of the oldest commit that the sink has not.");
        meter.CreateObservableGauge("cdc.slot.retained_wal", () => OfSlot(slot => slot.RetainedBytes), "By",
            "WAL that the server keeps for the replication slot.");
        meter.CreateObservableGauge("cdc.slot.safe_wal_size", () => OfSlot(slot => slot.SafeBytes), "By",
            "WAL that may still be written before the slot is in danger; absent where it is not limited.");
        // All of them each time: a state that is merely not told any more is held for minutes by who collects, as if it lasted.
        meter.CreateObservableGauge("cdc.pipeline.state", () => StatesOf(status.Phase), "{state}",
            "1 for the state that the pipeline is in, 0 for each other.");
        meter.CreateObservableGauge(
            "cdc.dead_letters", () => status.OpenDeadLetters, "{change}", "Changes that could not be applied and wait.");
        meter.CreateObservableGauge(
            "cdc.mapping.mismatches", () => status.MappingMismatches, "{column}", "Columns that only one of mapping and database has.");
        meter.CreateObservableGauge(
            "cdc.table.doubts",
            () => status.Doubts.All.GroupBy(doubt => doubt.Table)
            .Select(table => new Measurement<int>(table.Count(), new KeyValuePair<string, object?>("table", table.Key))),
            "{doubt}", "Reasons why a table does not show what the source holds, or perhaps not.");
        meter.CreateObservableGauge("cdc.copy.rows", () => OfCopies(copy => copy.Rows), "{row}", "Rows copied by the copies that run.");
        meter.CreateObservableGauge("cdc.copy.rows.expected", () => OfCopies(copy => copy.Expected), "{row}",
            "About how many rows the tables have that are copied.");
        meter.CreateObservableGauge(
            "cdc.fact.rows",
            () => facts.Facts.Where(fact => !fact.Value.IsDone)
                .Select(fact => new Measurement<long>(fact.Value.Rows, new KeyValuePair<string, object?>("fact", fact.Key))),
            "{row}", "Rows derived of the facts that are derived anew.");

        static IEnumerable<Measurement<int>> StatesOf(Phase now) => Enum.GetValues<Phase>().Select(phase =>
            new Measurement<int>(phase == now ? 1 : 0, new KeyValuePair<string, object?>("state", phase.ToString())));

        IEnumerable<Measurement<long>> OfCopies(Func<(long Rows, long Expected), long> value) =>
            copies.Running.Select(copy => new Measurement<long>(value(copy.Value), new KeyValuePair<string, object?>("table", copy.Key)));

        IEnumerable<Measurement<long>> OfSlot(Func<SlotSize, long?> value) =>
            status.Slot is { } slot && value(slot) is { } bytes ? [new(bytes)] : [];
    }

    /// <summary>Readers of the sink see the batch.</summary>
    public void Written(ChangeBatch batch, TimeSpan duration)
    {
        var now = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds;
        var rows = 0;
        long lastCommit = 0;
        _counts.Clear();
        var changes = batch.Changes;
        for (var i = 0; i < changes.Length;)
        {
            // Changes of one kind come in runs.
            ref readonly var first = ref changes[i];
            var begin = i;
            while (i < changes.Length && changes[i].Operation == first.Operation && ReferenceEquals(changes[i].Relation, first.Relation))
            {
                var commit = changes[i++].CommitTime;
                if (commit == 0 || commit == lastCommit)
                    continue;
                lastCommit = commit;
                var latency = TimeSpan.FromMicroseconds(Math.Max(0, now - lastCommit));
                _latency.Record(latency.TotalSeconds);
                _recent.Took(latency);
            }
            if (first.Operation is ChangeOperation.Insert or ChangeOperation.Update or ChangeOperation.Delete or ChangeOperation.Truncate)
                CollectionsMarshal.GetValueRefOrAddDefault(_counts, (first.Relation.Table.Source, first.Operation), out _) += i - begin;
            if (first.Operation is not (
                ChangeOperation.CopyBegin or ChangeOperation.CopyRange or ChangeOperation.CopyEnd or ChangeOperation.Derive))
                rows += i - begin;
        }
        if (rows == 0)
            return;

        _sinkDuration.Record(duration.TotalSeconds);
        _batchSize.Record(rows);
        _recent.Count(rows);
        foreach (var ((table, operation), count) in _counts)
            _changes.Add(count, new("table", table), new("operation", operation.Name()));
    }
}
