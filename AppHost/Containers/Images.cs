namespace AspireCdc.AppHost.Containers;

/// <summary>The container images of this stack, each pinned.</summary>
internal static class Images
{
    /// <summary>From version 18 on the data is kept elsewhere in the container, so the tag goes before the volume.</summary>
    public const string PostgresTag = "18.4";

    public const string ClickHouse = "clickhouse/clickhouse-server", ClickHouseTag = "26.7";

    public const string RedpandaRegistry = "docker.redpanda.com";

    public const string Redpanda = "redpandadata/redpanda", RedpandaTag = "v26.2.3";

    public const string RedpandaConnect = "redpandadata/connect", RedpandaConnectTag = "4.106.0";

    public const string RedpandaConsole = "redpandadata/console", RedpandaConsoleTag = "v3.12.0";
}
