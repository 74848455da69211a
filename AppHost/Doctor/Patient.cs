using AspireCdc.ServiceDefaults;
using AspireCdc.Star.Model;
using Microsoft.Extensions.Configuration;

namespace AspireCdc.AppHost.Doctor;

/// <summary>The stack to be examined, running or not.</summary>
/// <param name="Folder">Where its databases keep their files.</param>
/// <param name="IsRunning">An AppHost has that folder.</param>
/// <param name="Ports">The ports that it has, or would have.</param>
/// <param name="Shop">The shop's connection string, as its owner.</param>
/// <param name="ClickHouse">Where the star is.</param>
/// <param name="Api">Where the API answers.</param>
/// <param name="Processor">Where the change processor answers.</param>
internal sealed record Patient(
    string Folder, bool IsRunning, Ports Ports, string Shop, ClickHouseEndpoint ClickHouse, Uri Api, Uri Processor)
{
    /// <summary>Where the shop's password comes from, if not from its connection string.</summary>
    public DatabasePassword? Password { get; init; }

    /// <summary>What the processor reads, and as whom.</summary>
    public CdcNames Names { get; init; } = new();

    /// <summary>From where on something is worth telling.</summary>
    public Limits Limits { get; init; } = new();

    /// <summary>What is replicated.</summary>
    public required StarModel Model { get; init; }

    /// <summary>PostgreSQL's migrations, by name.</summary>
    public required IReadOnlyList<string> PostgresMigrations { get; init; }

    /// <summary>ClickHouse's migrations, by name.</summary>
    public required IReadOnlyList<string> ClickHouseMigrations { get; init; }

    /// <summary>
    /// The stack of this checkout: the running one's addresses and names, or the defaults where none runs; <c>ConnectionStrings</c> and
    /// <c>Cdc</c> go before both, and <c>DATABASE_URL</c> before the default, as for the programs that are started by hand.
    /// </summary>
    /// <exception cref="FormatException">A connection string cannot be read; the message names the setting.</exception>
    public static Patient From(IConfiguration configuration)
    {
        var folder = StackState.FolderOf(configuration["state"]);
        var (running, ports) = (StackState.FindRunning(folder), new Ports(configuration));
        var shop = running?.Shop is { } own && string.IsNullOrEmpty(configuration.GetConnectionString("shop"))
            ? own
            : DatabaseUrl.From(configuration, "shop")
                ?? $"Host=localhost;Port={ports.Postgres};Username=postgres;Password=postgres;Database=shop";
        var clickHouse = configuration.GetConnectionString("clickhouse") is { Length: > 0 } given
            ? given
            : running?.ClickHouse ?? $"Host=localhost;Port={ports.ClickHouse};Username=panda;Password=pandapass;Database=local";
        return new(
            folder, running is not null, ports, shop, ClickHouseEndpoint.Parse(clickHouse),
            new(running?.Api ?? $"http://localhost:{ports.Api}"), new(running?.Processor ?? $"http://localhost:{ports.Processor}"))
        {
            Password = DatabasePassword.From(configuration),
            Names = CdcNames.From(configuration, running?.Names ?? new()),
            Model = StarFile.Read(Path.Combine(Checkout.Root, "Shop", "ClickHouse", StarFile.Name)),
            PostgresMigrations = Migrations("*_*.cs", "Shop", "Migrations"),
            ClickHouseMigrations =
                [.. Migrations("*.sql", "ClickHouseMigrator", "Migrations"), .. Migrations("*.sql", "Shop", "ClickHouse")],
        };
    }

    private static IReadOnlyList<string> Migrations(string pattern, params string[] folder) =>
    [
        .. Directory.EnumerateFiles(Path.Combine([Checkout.Root, .. folder]), pattern)
            .Select(file => Path.GetFileNameWithoutExtension(file))
            .Where(name => !name.EndsWith(".Designer", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
    ];
}
