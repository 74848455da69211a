using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace AspireCdc.AppHost;

/// <summary>Chooses the backends and says so.</summary>
internal static class Stack
{
    /// <summary>How long the processes of a run that was killed may take to end.</summary>
    private static readonly TimeSpan EndOfAKilledRun = TimeSpan.FromSeconds(10);

    public static async Task<Backends> AddBackendsAsync(this IDistributedApplicationBuilder builder, Ports ports)
    {
        Console.WriteLine(Choose(builder.Configuration));
        var state = StackState.Take(StackState.FolderOf(builder.Configuration["state"]), builder.Configuration.GetValue<bool>("reset"));
        builder.Services.AddHostedService(_ => state);
        await ports.EnsureFreeAsync(state.WasKilled ? EndOfAKilledRun : TimeSpan.Zero, CancellationToken.None);

        var backends = await builder.AddEmbeddedStackAsync(state, ports);
        state.Describe = async cancellationToken => new(
            Environment.ProcessId,
            await backends.Shop.Resource.GetConnectionStringAsync(cancellationToken),
            await backends.Star.Resource.GetConnectionStringAsync(cancellationToken));
        return backends;
    }

    /// <summary>Which stack runs, and why.</summary>
    private static string Choose(IConfiguration configuration)
    {
        var (wanted, because) = configuration["stack"] is { } option ? (option, $"--stack {option}")
            : configuration["ASPIRECDC_STACK"] is { Length: > 0 } variable ? (variable, $"ASPIRECDC_STACK={variable}")
            : ("embedded", "the default on this platform");
        return wanted switch
        {
            "embedded" => $"Stack: embedded ({because}). PostgreSQL and ClickHouse run as processes of this machine, without Docker.",
            "containers" => throw new AppHostException(
                $"The containers stack ({because}) needs Aspire's hosting packages, and this AppHost is built without them. Leave the option out, or use --stack embedded."),
            _ => throw new AppHostException($"There is no stack '{wanted}' ({because}). Choose embedded or containers."),
        };
    }
}
