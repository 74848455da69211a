using AspireCdc.Star.Postgres;
using Microsoft.Extensions.Configuration;

namespace AspireCdc.AppHost;

/// <summary>What init-db and the processor call by these names in PostgreSQL: of their section <c>Cdc</c>.</summary>
/// <param name="Publication">The publication of the tables.</param>
/// <param name="Slot">The replication slot.</param>
/// <param name="Role">The role that the processor logs in as.</param>
internal sealed record CdcNames(
    string Publication = CdcDefaults.Publication, string Slot = CdcDefaults.Slot, string Role = CdcDefaults.Role)
{
    /// <summary>Those that are configured, and for the others those that are used otherwise.</summary>
    public static CdcNames From(IConfiguration configuration, CdcNames otherwise) => new(
        Configured(configuration, nameof(Publication)) ?? otherwise.Publication,
        Configured(configuration, nameof(Slot)) ?? otherwise.Slot,
        Configured(configuration, nameof(Role)) ?? otherwise.Role);

    private static string? Configured(IConfiguration configuration, string name) =>
        configuration[$"Cdc:{name}"] is { Length: > 0 } value ? value : null;
}
