namespace Aspire.Npgsql.EntityFrameworkCore.PostgreSQL;

/// <summary>Settings of <c>AddNpgsqlDbContext</c>, from the section <c>Aspire:Npgsql:EntityFrameworkCore:PostgreSQL</c>.</summary>
public sealed class NpgsqlEntityFrameworkCorePostgreSQLSettings
{
    /// <summary>The connection string; <c>ConnectionStrings:{name}</c> goes before it.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>Leaves out EF Core's retries (which read a whole result before they hand out its first row).</summary>
    public bool DisableRetry { get; set; }

    /// <summary>Leaves out the health check.</summary>
    public bool DisableHealthChecks { get; set; }

    /// <summary>Leaves out tracing.</summary>
    public bool DisableTracing { get; set; }

    /// <summary>Leaves out metrics.</summary>
    public bool DisableMetrics { get; set; }

    /// <summary>Seconds after which a command is given up.</summary>
    public int? CommandTimeout { get; set; }
}
