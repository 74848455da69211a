using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Api;

/// <summary>Milliseconds of processor time; all three share the machine.</summary>
/// <param name="Client">This process's, or pgbench's.</param>
/// <param name="Api">The API's.</param>
/// <param name="Postgres">The server's, with all that it does beside the statements.</param>
internal sealed record CpuShares(double Client, double Api, double Postgres)
{
    /// <summary>Since the processes began; of this process's children only those that have ended, as pgbench has.</summary>
    public static CpuShares Now(ApiServer server)
    {
        var own = FamilyUsage.Of(Environment.ProcessId);
        return new((own.Own + own.EndedChildren).TotalMilliseconds, FamilyUsage.Of(server.ApiProcess).Own.TotalMilliseconds,
            FamilyUsage.Of(server.PostgresProcess).All.TotalMilliseconds);
    }

    /// <summary>What has come since <paramref name="before"/>, for each of so many.</summary>
    public CpuShares Since(CpuShares before, int requests) => new(
        (Client - before.Client) / requests, (Api - before.Api) / requests, (Postgres - before.Postgres) / requests);
}
