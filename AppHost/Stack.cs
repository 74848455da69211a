using AspireCdc.AppHost.Containers;
using AspireCdc.AppHost.Embedded;
using AspireCdc.AppHost.Running;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace AspireCdc.AppHost;

/// <summary>Chooses the backends and says so.</summary>
internal static class Stack
{
    private const string Embedded = "embedded", Containers = "containers";

    /// <summary>How long the processes of a run that was killed, or stopped while it started, may take to end.</summary>
    private static readonly TimeSpan EndOfAKilledRun = TimeSpan.FromSeconds(10), EndOfAStoppedRun = TimeSpan.FromSeconds(3);

    public static async Task<Backends> AddBackendsAsync(this IDistributedApplicationBuilder builder, Ports ports)
    {
        if (builder.ExecutionContext.IsPublishMode)
            return builder.AddDeployment(ports);
        builder.PlaceDashboard(ports);
        builder.RunAsInDevelopment();
        var (stack, because) = Choose(builder.Configuration);
        Console.WriteLine(stack == Embedded
            ? $"Stack: embedded ({because}). PostgreSQL and ClickHouse run as processes of this machine, without Docker."
            : $"Stack: containers ({because}). PostgreSQL, Redpanda and ClickHouse run as containers.");
        // The containers' data are in volumes of their own.
        var reset = stack == Embedded && builder.Configuration.GetValue<bool>("reset");
        var state = StackState.Take(StackState.FolderOf(builder.Configuration["state"]), reset);
        builder.Services.AddHostedService(_ => state);
        await ports.EnsureFreeAsync(
            withKafka: stack == Containers, state.WasKilled ? EndOfAKilledRun : EndOfAStoppedRun, CancellationToken.None);

        var backends = stack == Embedded
            ? await builder.AddEmbeddedStackAsync(state, ports)
            : await builder.AddContainersStackAsync(ports, CancellationToken.None);
        // Each database can be asked as soon as it answers, whatever else is still starting or has failed.
        backends.Postgres.OnResourceReady(async (_, _, cancellationToken) =>
        {
            var shop = await backends.Shop.Resource.GetConnectionStringAsync(cancellationToken);
            state.Tell(now => now with { Shop = shop });
        });
        backends.ClickHouse.OnResourceReady(async (_, _, cancellationToken) =>
        {
            var star = await backends.Star.Resource.GetConnectionStringAsync(cancellationToken);
            state.Tell(now => now with { ClickHouse = star });
        });
        state.Describe = now => now with
        {
            Api = AddressOf("api"),
            Processor = AddressOf("cdc-processor"),
            Names = CdcNames.From(builder.Configuration, new()),
        };
        return backends;

        string? AddressOf(string service) =>
            builder.Resources.OfType<ProjectResource>().FirstOrDefault(resource => resource.Name == service)?.GetEndpoint(
                "http") is { IsAllocated: true } http ? http.Url : null;
    }

    /// <summary>Which stack runs, and why.</summary>
    private static (string Stack, string Because) Choose(IConfiguration configuration)
    {
        var (wanted, because) = configuration["stack"] is { } option ? (option, $"--stack {option}")
            : configuration["ASPIRECDC_STACK"] is { Length: > 0 } variable ? (variable, $"ASPIRECDC_STACK={variable}")
            : EmbeddedPlatform.Current is null ? (Containers, "the embedded one has no binaries for this platform")
            : (Embedded, "the default on this platform");
        return wanted is Embedded or Containers
            ? (wanted, because)
            : throw new AppHostException($"There is no stack '{wanted}' ({because}). Choose embedded or containers.");
    }
}
