using System.Globalization;

namespace AspireCdc.Tests.FaultCampaign;

/// <summary>How much of it, from the environment: <c>CAMPAIGN_KILLS=200</c> runs the campaign, which the test suite leaves out.</summary>
internal static class Campaign
{
    /// <summary>Kills in all, of each pair; 0 leaves the campaign out.</summary>
    public static int Kills { get; } = Read("CAMPAIGN_KILLS", 0);

    /// <summary>The first run's seed; each run has the next one, and names it.</summary>
    public static int Seed { get; } = Read("CAMPAIGN_SEED", Random.Shared.Next(1, 1_000_000));

    /// <summary>Kills in one run, before its end is verified.</summary>
    public static int KillsOfARun { get; } = Read("CAMPAIGN_KILLS_OF_A_RUN", 10);

    /// <summary>Changes of the soak; 0 leaves it out.</summary>
    public static long Soak { get; } = Read("CAMPAIGN_SOAK", 0);

    /// <summary>Rows of the table whose comparison is measured; 0 leaves that out.</summary>
    public static long Rows { get; } = Read("CAMPAIGN_ROWS", 0);

    /// <summary>Tables of which one look at the catalog is measured; 0 leaves that out.</summary>
    public static int Tables { get; } = Read("CAMPAIGN_TABLES", 0);

    /// <summary>A command that serves a Kafka broker, as <c>COMMAND serve --port N --dir FOLDER</c>; null for librdkafka's own.</summary>
    public static string? Kafka { get; } = Environment.GetEnvironmentVariable("CAMPAIGN_KAFKA") is { Length: > 0 } command ? command : null;

    private static int Read(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
        : otherwise;
}
