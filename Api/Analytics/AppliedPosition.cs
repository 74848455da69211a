using System.Globalization;
using System.Text.Json;
using AspireCdc.Api.Errors;
using NpgsqlTypes;

namespace AspireCdc.Api.Analytics;

/// <summary>How far ClickHouse has followed PostgreSQL, as the processors record it in <c>cdc_progress</c>.</summary>
internal sealed class AppliedPosition(StarDatabase star, TimeProvider time)
{
    /// <summary>The longest that a request waits.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // ClickHouse tells nobody that it has changed: looking is what there is, and only while somebody waits.
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(15);

    /// <summary>Where ClickHouse is now.</summary>
    public async Task<Applied> ReadAsync(CancellationToken cancellationToken)
    {
        var rows = await star.ReadAsync(
            """
            SELECT kind, state, position, dateDiff('microsecond', updated_at, now64(6)) / 1e6
            FROM cdc_progress FINAL WHERE kind IN ('source', 'position')
            """,
            [], row => (Kind: row.GetString(0), State: row.GetString(1), Position: row.GetFieldValue<ulong>(2), Age: row.GetDouble(3)),
            cancellationToken);
        var source = rows.Rows.Where(row => row.Kind == "source")
            .Select(row => JsonSerializer.Deserialize<Source>(row.State)).SingleOrDefault();
        var positions = rows.Rows.Where(row => row.Kind == "position").ToList();
        if (source is null || positions.Count == 0)
            return new Applied(NpgsqlLogSequenceNumber.Invalid, null, CanTell: true);
        if (source.Kind != "kafka")
            return new Applied(new(positions.Max(row => row.Position)), positions.Max(row => row.Age), CanTell: true);

        // Each partition tells which commits have passed it wholly; one that has brought nothing yet has passed none.
        var passed = positions
            .Select(row => ulong.TryParse(row.State, NumberStyles.None, CultureInfo.InvariantCulture, out var lsn) ? lsn : 0).ToList();
        var applied = passed.Count < source.Partitions ? 0 : passed.Min();
        return new Applied(new(applied), positions.Max(row => row.Age), CanTell: passed.Any(lsn => lsn > 0));
    }

    /// <summary>Returns once ClickHouse has applied all that was committed before the position.</summary>
    /// <exception cref="ProblemException">504: it has not within <see cref="Patience"/>; 501: who fills the topic does not say.</exception>
    public async Task<Applied> WaitAsync(NpgsqlLogSequenceNumber lsn, CancellationToken cancellationToken)
    {
        for (var began = time.GetTimestamp(); ;)
        {
            var applied = await ReadAsync(cancellationToken);
            if (applied.Lsn >= lsn && applied.CanTell)
                return applied;
            if (time.GetElapsedTime(began) > Patience)
                throw applied.CanTell ? NotReached(applied.Lsn, lsn) : NobodyTells();
            await Task.Delay(LookEvery, time, cancellationToken);
        }
    }

    private static ProblemException NotReached(NpgsqlLogSequenceNumber applied, NpgsqlLogSequenceNumber lsn) => new(
        StatusCodes.Status504GatewayTimeout,
        $"After {Patience.TotalSeconds:0} s ClickHouse has applied {applied}, and X-Min-Lsn asks for {lsn}: "
        + "ask the processor what it does (/ready, or 'CdcProcessor status').")
    {
        Extensions = new Dictionary<string, object?> { ["appliedLsn"] = applied.ToString() },
    };

    /// <summary>Our connector may be at its first copy still, so it is given the time that it has.</summary>
    private static ProblemException NobodyTells() => new(
        StatusCodes.Status501NotImplemented,
        "Redpanda Connect does not say which commits a partition has passed, so nobody can wait for one: "
        + "leave X-Min-Lsn out, or let CdcProcessor fill the topic.");

    /// <summary>What fills the tables, as far as it matters here.</summary>
    private sealed record Source(string Kind, int Partitions = 0);
}

/// <summary>How far ClickHouse has followed.</summary>
/// <param name="Lsn">All that was committed before this position in PostgreSQL's WAL is there; 0/0 where that is not known.</param>
/// <param name="Age">Seconds since that was so; null where nothing has been applied yet.</param>
/// <param name="CanTell">Who fills the tables says which commits they have.</param>
internal sealed record Applied(NpgsqlLogSequenceNumber Lsn, double? Age, bool CanTell);
