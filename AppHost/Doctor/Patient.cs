using AspireCdc.Star.Model;
using Microsoft.Extensions.Configuration;

namespace AspireCdc.AppHost.Doctor;

/// <summary>The stack to be examined, running or not.</summary>
/// <param name="Folder">Where its databases keep their files.</param>
/// <param name="IsRunning">An AppHost has that folder.</param>
/// <param name="Ports">The ports that it has, or would have.</param>
/// <param name="Shop">The shop's connection string, as its owner.</param>
/// <param name="ClickHouse">The star's connection string.</param>
/// <param name="Api">Where the API answers.</param>
/// <param name="Processor">Where the change processor answers.</param>
internal sealed record Patient(string Folder, bool IsRunning, Ports Ports, string Shop, string ClickHouse, Uri Api, Uri Processor)
{
    /// <summary>The publication that the processor reads.</summary>
    public string Publication { get; init; } = "redpanda_cdc_publication";

    /// <summary>The replication slot that it reads from.</summary>
    public string Slot { get; init; } = "redpanda_cdc_slot";

    /// <summary>The role that it logs in as.</summary>
    public string Role { get; init; } = "cdc";

    /// <summary>From where on something is worth telling.</summary>
    public Limits Limits { get; init; } = new();

    /// <summary>What is replicated.</summary>
    public required StarModel Model { get; init; }

    /// <summary>PostgreSQL's migrations, by name.</summary>
    public required IReadOnlyList<string> PostgresMigrations { get; init; }

    /// <summary>ClickHouse's migrations, by name.</summary>
    public required IReadOnlyList<string> ClickHouseMigrations { get; init; }

    /// <summary>
    /// The stack of this checkout: the running one's addresses, or the defaults where none runs; <c>ConnectionStrings</c> go before both.
    /// </summary>
    public static Patient From(IConfiguration configuration)
    {
        var folder = StackState.FolderOf(configuration["state"]);
        var (running, ports) = (StackState.FindRunning(folder), new Ports(configuration));
        return new(
            folder, running is not null, ports,
            configuration.GetConnectionString("shop") ?? running?.Shop
                ?? $"Host=localhost;Port={ports.Postgres};Username=postgres;Password=postgres;Database=shop",
            configuration.GetConnectionString("clickhouse") ?? running?.ClickHouse
                ?? $"Host=localhost;Port={ports.ClickHouse};Username=panda;Password=pandapass;Database=local",
            new(running?.Api ?? $"http://localhost:{ports.Api}"), new(running?.Processor ?? $"http://localhost:{ports.Processor}"))
        {
            Model = StarFile.Read(Path.Combine(Checkout.Root, "Shop", "ClickHouse", StarFile.Name)),
            PostgresMigrations = Names("*_*.cs", "Shop", "Migrations"),
            ClickHouseMigrations = [.. Names("*.sql", "ClickHouseMigrator", "Migrations"), .. Names("*.sql", "Shop", "ClickHouse")],
        };
    }

    private static IReadOnlyList<string> Names(string pattern, params string[] folder) =>
    [
        .. Directory.EnumerateFiles(Path.Combine([Checkout.Root, .. folder]), pattern)
            .Select(file => Path.GetFileNameWithoutExtension(file))
            .Where(name => !name.EndsWith(".Designer", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
    ];
}
