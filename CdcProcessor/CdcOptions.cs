using System.ComponentModel.DataAnnotations;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;

namespace AspireCdc.CdcProcessor;

/// <summary>The section <c>Cdc</c>.</summary>
internal sealed class CdcOptions
{
    public const string Section = "Cdc";

    /// <summary>The file of the model (<c>star.json</c>): by default the one beside the program.</summary>
    public static string ModelOf(IConfiguration configuration) =>
        configuration[$"{Section}:Model"] is { Length: > 0 } path ? path : Path.Combine(AppContext.BaseDirectory, StarFile.Name);

    /// <summary>The publication of the tables.</summary>
    [Required(
        ErrorMessage = $"Cdc:Publication is empty: name the publication that init-db makes, by default {CdcDefaults.Publication}.")]
    public string Publication { get; set; } = CdcDefaults.Publication;

    /// <summary>The replication slot, which the processor makes.</summary>
    [RegularExpression(
        "^[a-z0-9_]{1,63}$", ErrorMessage = "Cdc:Slot must be 1 to 63 lower-case letters, digits and underscores, as PostgreSQL takes it.")]
    public string Slot { get; set; } = CdcDefaults.Slot;

    /// <summary>Connections that copy a table at once.</summary>
    [Range(1, 32, ErrorMessage = "Cdc:CopyReaders must be 1 to 32.")]
    public int CopyReaders { get; set; } = 2;

    /// <summary>The most rows a second that a copy reads; 0 for as many as there is time for.</summary>
    [Range(0, 100_000_000, ErrorMessage = "Cdc:CopyRowsPerSecond must be 0 (no limit) to 100000000.")]
    public int CopyRowsPerSecond { get; set; }

    /// <summary>
    /// Tables that are not copied anew by themselves where their rows changed without events (ALTER TABLE rewrote them, a partition went),
    /// or their table in ClickHouse was restored or made anew, separated by commas; <c>*</c> for all.
    /// For tables that take hours: until somebody has one copied, <c>/ready</c>, <c>status</c> and the metrics say that it differs.
    /// </summary>
    public string CopyByHand { get; set; } = "";

    /// <summary>A table is copied anew only where somebody says so.</summary>
    public bool IsCopiedByHand(TableMapping table) => TablesByHand.Any(name => name == "*" || name == table.Source);

    /// <summary>A name in <see cref="CopyByHand"/> that is no table of the model's; null if there is none.</summary>
    public string? UnknownByHand(StarModel model) => TablesByHand.FirstOrDefault(name => name != "*" && model.Find(name) is null);

    private string[] TablesByHand => CopyByHand.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The most changes that one batch holds.</summary>
    [Range(1, 500_000, ErrorMessage = "Cdc:BatchChanges must be 1 to 500000.")]
    public int BatchChanges { get; set; } = 100_000;

    /// <summary>The most bytes that one batch holds; a single larger change still passes.</summary>
    [Range(1 << 16, 1 << 28, ErrorMessage = "Cdc:BatchBytes must be 65536 to 268435456.")]
    public int BatchBytes { get; set; } = 24 * 1024 * 1024;

    /// <summary>How often all tables and facts are compared with PostgreSQL, quietly; without it only when somebody asks.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "365.00:00:00", ParseLimitsInInvariantCulture = true,
        ErrorMessage = "Cdc:VerifyEvery must be a time from 00:00:01 to 365.00:00:00, like 1.00:00:00 for each day.")]
    public TimeSpan? VerifyEvery { get; set; }

    /// <summary>The most rows a second that a comparison reads; 0 for as many as there is time for.</summary>
    [Range(0, 100_000_000, ErrorMessage = "Cdc:VerifyRowsPerSecond must be 0 (no limit) to 100000000.")]
    public int VerifyRowsPerSecond { get; set; }

    /// <summary>How old the oldest change that the sink has not may be before health warns.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "365.00:00:00", ParseLimitsInInvariantCulture = true,
        ErrorMessage = "Cdc:MaxLag must be a time from 00:00:01 to 365.00:00:00, like 00:05:00.")]
    public TimeSpan MaxLag { get; set; } = TimeSpan.FromMinutes(5);
}
