using System.Diagnostics.Metrics;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>The comparison that runs or the last one, for whoever asks: people, health, metrics.</summary>
internal sealed class VerificationState
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private VerificationReport _report = VerificationReport.None;

    public VerificationState(IMeterFactory meters, TimeProvider time)
    {
        var meter = meters.Create("AspireCdc.CdcProcessor.Verification");
        meter.CreateObservableGauge("cdc.verification.rows", () => Report.Rows, "{row}",
            "Rows that the last comparison with PostgreSQL has compared.");
        meter.CreateObservableGauge(
            "cdc.verification.differences",
            () => Report.Tables.Select(table => new Measurement<long>(
                table.Differences, new KeyValuePair<string, object?>("table", table.Name))),
            "{row}", "Rows that differ from PostgreSQL and stay so, by table and fact.");
        meter.CreateObservableGauge(
            "cdc.verification.age", () => Report.Finished is { } finished
            ? [new Measurement<double>((time.GetUtcNow() - finished).TotalSeconds)] : Array.Empty<Measurement<double>>(),
            "s", "Time since the last comparison with PostgreSQL ended.");
    }

    public VerificationReport Report
    {
        get
        {
            lock (_lock)
                return _report;
        }
    }

    /// <summary>What a warning has to say of the last comparison; null while there is nothing.</summary>
    public string? Warning => Report switch
    {
        { State: "different" or "incomplete" } report => report.Verdict,
        _ => null,
    };

    public void Set(VerificationReport report)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _report = report;
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        changed.TrySetResult();
    }

    /// <summary>
    /// The report, once it is another one than that of <paramref name="rows"/> rows and <paramref name="tables"/> finished tables, or has
    /// ended.
    /// </summary>
    public async Task<VerificationReport> WaitAsync(long rows, int tables, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            VerificationReport report;
            lock (_lock)
                (report, changed) = (_report, _changed.Task);
            if (report.State != "running" || report.Rows != rows || report.Tables.Count(table => table.Seconds > 0) != tables)
                return report;
            await changed.WaitAsync(cancellationToken);
        }
    }
}
