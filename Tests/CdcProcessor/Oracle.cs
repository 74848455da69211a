using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What the oracles of all pairs have in common: seeds, values that PostgreSQL leaves out, processes that are killed.</summary>
internal static class Oracle
{
    /// <summary>So many random seeds, <paramref name="many"/> with LONG_TESTS=1; or the one that ORACLE_SEED replays.</summary>
    public static TheoryData<int> Seeds(int usual, int many)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("ORACLE_SEED"), out var replayed))
            return [replayed];

        var seeds = new TheoryData<int>();
        for (var i = Environment.GetEnvironmentVariable("LONG_TESTS") == "1" ? many : usual; i > 0; i--)
            seeds.Add(Random.Shared.Next());
        return seeds;
    }

    /// <summary>From 128 bytes on a row's names lie out of line, and an update leaves them out.</summary>
    public static Task LeaveNamesOutAsync(Store shop, CancellationToken cancellationToken) =>
        shop.ExecuteAsync("ALTER TABLE customer ALTER COLUMN name SET STORAGE EXTERNAL; ALTER TABLE customer SET (toast_tuple_target = 128)", cancellationToken);

    public static void RecordKill(Store shop, int round) => shop.Log.Add($"--- killed in round {round}");

    /// <summary>Whether a processor has streamed since the last kill.</summary>
    public static bool Streams(Store shop) =>
        shop.Log.Lines.Reverse().TakeWhile(line => !line.StartsWith("--- killed", StringComparison.Ordinal)).Any(line => line.Contains("Streaming from slot"));

    /// <summary>Has two tables copied anew, if the processor at that address is alive.</summary>
    public static async Task RequestResyncAsync(string address, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        try
        {
            using var answer = await http.PostAsync($"{address}/operations/resync?table=orderitem&table=order", null, cancellationToken);
        }
        catch (HttpRequestException)
        {
            // Not up yet, or killed already.
        }
    }
}
