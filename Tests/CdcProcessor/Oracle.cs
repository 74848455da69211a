using AspireCdc.Tests.Fixtures;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What the oracles of all pairs have in common: seeds, values that PostgreSQL leaves out, processes that are killed.</summary>
internal static class Oracle
{
    /// <summary>So many random seeds for each example, <paramref name="many"/> with LONG_TESTS=1; or the
    /// one that ORACLE_SEED replays.</summary>
    public static TheoryData<string, int> Seeds(int usual, int many)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("ORACLE_SEED"), out var replayed))
            return new() { { Example.Store.Name, replayed }, { Example.Deep.Name, replayed } };

        var seeds = new TheoryData<string, int>();
        for (var i = Environment.GetEnvironmentVariable("LONG_TESTS") == "1" ? many : usual; i > 0; i--)
        {
            seeds.Add(Example.Store.Name, Random.Shared.Next());
            seeds.Add(Example.Deep.Name, Random.Shared.Next());
        }
        return seeds;
    }

    public static void RecordKill(Store shop, int round) => shop.Log.Add($"--- killed in round {round}");

    /// <summary>Whether a processor has streamed since the last kill.</summary>
    public static bool Streams(Store shop) =>
        shop.Log.Lines.Reverse().TakeWhile(line => !line.StartsWith("--- killed", StringComparison.Ordinal))
            .Any(line => line.Contains("Streaming from slot"));

    /// <summary>Waits until one streams, or has ended; says what was logged where none does.</summary>
    public static async Task WaitForStreamAsync(Store shop, Func<bool> hasEnded, CancellationToken cancellationToken)
    {
        try
        {
            await Wait.UntilAsync(() => Task.FromResult(Streams(shop) || hasEnded()), "a processor to stream", cancellationToken,
                TimeSpan.FromMinutes(3));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} What was logged:\n{shop.Log}", e);
        }
    }

    /// <summary>Has two tables copied anew, if the processor at that address is alive.</summary>
    public static async Task RequestResyncAsync(string address, Example example, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        try
        {
            using var answer = await http.PostAsync($"{address}/operations/resync?{example.Resynced}", null, cancellationToken);
        }
        catch (HttpRequestException)
        {
            // Not up yet, or killed already.
        }
    }
}
