namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>ClickHouse's names for what a query may read from and write to outside of the server's tables, and the table engines that do
/// so.</summary>
internal static class Source
{
    private static readonly Dictionary<string, string[]> Engines = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AZURE"] = ["AzureBlobStorage", "AzureQueue"],
        ["KAFKA"] = ["Kafka"],
        ["MONGO"] = ["MongoDB"],
        ["MYSQL"] = ["MySQL"],
        ["NATS"] = ["NATS"],
        ["POSTGRES"] = ["PostgreSQL", "MaterializedPostgreSQL"],
        ["RABBITMQ"] = ["RabbitMQ"],
        ["REDIS"] = ["Redis"],
        ["REMOTE"] = ["Distributed"],
        ["S3"] = ["S3", "S3Queue"],
        ["URL"] = ["URL"],
    };

    /// <summary>The names that may be given.</summary>
    public static IEnumerable<string> Names => Engines.Keys.Order();

    public static bool IsKnown(string name) => Engines.ContainsKey(name);

    public static IEnumerable<string> Grants(string name) =>
        [$"GRANT {name.ToUpperInvariant()} ON *.*", .. Engines[name].Select(engine => $"GRANT TABLE ENGINE ON {engine}")];
}
