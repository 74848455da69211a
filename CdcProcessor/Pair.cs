namespace AspireCdc.CdcProcessor;

/// <summary>Which source fills which sink: <c>--source postgresql|kafka</c>, <c>--sink clickhouse|kafka</c>.</summary>
internal sealed record Pair(string Source, string Sink)
{
    public const string Postgres = "postgresql", ClickHouse = "clickhouse", Kafka = "kafka";

    /// <summary>
    /// The configured pair, by default the direct one; refused with a sentence if there is no such pair, or what it connects to is not
    /// named.
    /// </summary>
    public static Pair From(IConfiguration configuration)
    {
        var pair = new Pair(Read("source", Postgres), Read("sink", ClickHouse));
        if (pair is not ((Postgres, ClickHouse) or (Postgres, Kafka) or (Kafka, ClickHouse)))
        {
            throw new InvalidOperationException(
                $"--source {pair.Source} --sink {pair.Sink} is no pair: there are postgresql to clickhouse (direct), postgresql to " +
                "kafka (the connector) and kafka to clickhouse (a processor behind the connector).");
        }

        foreach (var (end, name) in ((string, string)[])[(pair.Source, pair.Source == Postgres ? "shop" : Kafka), (pair.Sink, pair.Sink)])
        {
            if (string.IsNullOrWhiteSpace(configuration.GetConnectionString(name)))
                throw new InvalidOperationException(
                    $"There is no connection string '{name}', which {end} needs: set ConnectionStrings__{name}.");
        }
        return pair;

        string Read(string name, string otherwise) =>
            (configuration[name] ?? configuration[$"Cdc:{name}"] ?? otherwise).Trim().ToLowerInvariant();
    }
}
