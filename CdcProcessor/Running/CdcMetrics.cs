using System.Diagnostics;
using System.Diagnostics.Metrics;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;

namespace AspireCdc.CdcProcessor.Running;

/// <summary>Metrics and traces, under the names that the documentation gives.</summary>
internal sealed class CdcMetrics
{
    public const string Name = "AspireCdc.CdcProcessor";

    private static readonly ActivitySource Activities = new(Name);

    private readonly Counter<long> _changes;
    private readonly Histogram<long> _batchSize;
    private readonly Histogram<double> _sinkDuration;
    private readonly Histogram<double> _latency;
    private readonly TimeProvider _time;
    private readonly Dictionary<(string, ChangeOperation), long> _counts = [];

    public CdcMetrics(IMeterFactory meters, ProcessorStatus status, CopyProgress copies, FactProgress facts, TimeProvider time)
    {
        _time = time;
        var meter = meters.Create(Name);
        _changes = meter.CreateCounter<long>("cdc.changes", "{change}", "Changes applied, by table and operation.");
        _batchSize = meter.CreateHistogram<long>("cdc.batch.size", "{change}", "Changes in a batch.");
        _sinkDuration = meter.CreateHistogram<double>("cdc.sink.duration", "s", "Time that the sink takes for a batch.");
        _latency = meter.CreateHistogram<double>("cdc.end_to_end.latency", "s", "Time from a commit until its changes are visible.");
        meter.CreateObservableGauge("cdc.source.lag", () => status.Lag.Bytes, "By", "WAL that the server has and the sink has not.");
        meter.CreateObservableGauge("cdc.source.lag.time", () => status.Lag.Seconds, "s", "Age of the oldest commit that the sink has not.");
        meter.CreateObservableGauge("cdc.dead_letters", () => status.OpenDeadLetters, "{change}", "Changes that could not be applied and wait.");
        meter.CreateObservableGauge("cdc.mapping.mismatches", () => status.MappingMismatches, "{column}", "Columns that only one of mapping and database has.");
        meter.CreateObservableGauge(
            "cdc.table.doubts",
            () => status.Doubts.All.GroupBy(doubt => doubt.Table).Select(table => new Measurement<int>(table.Count(), new KeyValuePair<string, object?>("table", table.Key))),
            "{doubt}", "Reasons why a table does not show what the source holds, or perhaps not.");
        meter.CreateObservableGauge("cdc.copy.rows", () => copies.Running.Select(copy => new Measurement<long>(copy.Value.Rows, new KeyValuePair<string, object?>("table", copy.Key))), "{row}", "Rows copied by the copies that run.");
        meter.CreateObservableGauge(
            "cdc.fact.rows",
            () => facts.Facts.Where(fact => !fact.Value.IsDone).Select(fact => new Measurement<long>(fact.Value.Rows, new KeyValuePair<string, object?>("fact", fact.Key))),
            "{row}", "Rows derived of the facts that are derived anew.");
    }

    public Activity? StartBatch(ChangeBatch batch)
    {
        var activity = Activities.StartActivity("cdc batch", ActivityKind.Consumer, parentContext: default, links: batch.Traces.Select(trace => new ActivityLink(trace)));
        activity?.SetTag("cdc.batch.size", batch.Count);
        return activity;
    }

    public void Written(ChangeBatch batch, TimeSpan duration)
    {
        _sinkDuration.Record(duration.TotalSeconds);
        _batchSize.Record(batch.Count);

        var now = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds;
        long lastCommit = 0;
        _counts.Clear();
        foreach (ref readonly var change in batch.Changes)
        {
            var series = (change.Relation.Table.Source, change.Operation);
            _counts[series] = _counts.GetValueOrDefault(series) + 1;
            if (change.CommitTime != 0 && change.CommitTime != lastCommit)
            {
                lastCommit = change.CommitTime;
                _latency.Record(Math.Max(0, (now - lastCommit) / 1_000_000));
            }
        }
        foreach (var ((table, operation), count) in _counts)
            _changes.Add(count, new("table", table), new("operation", operation.Name()));
    }
}
