namespace AspireCdc.Star.Postgres;

/// <summary>What init-db, processor and tools call by these names in PostgreSQL, unless the section <c>Cdc</c> says otherwise.</summary>
internal static class CdcDefaults
{
    /// <summary>The publication of the tables.</summary>
    public const string Publication = "redpanda_cdc_publication";

    /// <summary>The replication slot.</summary>
    public const string Slot = "redpanda_cdc_slot";

    /// <summary>The role that the processor logs in as.</summary>
    public const string Role = "cdc";
}
