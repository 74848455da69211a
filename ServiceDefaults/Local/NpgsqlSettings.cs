namespace Aspire.Npgsql;

/// <summary>Settings of <c>AddNpgsqlDataSource</c>, from the section <c>Aspire:Npgsql</c>.</summary>
public sealed class NpgsqlSettings
{
    /// <summary>The connection string; <c>ConnectionStrings:{name}</c> goes before it.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>Leaves out the health check.</summary>
    public bool DisableHealthChecks { get; set; }

    /// <summary>Leaves out tracing.</summary>
    public bool DisableTracing { get; set; }

    /// <summary>Leaves out metrics.</summary>
    public bool DisableMetrics { get; set; }
}
