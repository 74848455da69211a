using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;

namespace AspireCdc.Tests.Kafka;

/// <summary>A topic of one test, and processors between it and ClickHouse; the test itself is the connector.</summary>
internal sealed class Behind : IAsyncDisposable
{
    private readonly KafkaBroker _kafka;

    private Behind(Store shop, KafkaBroker kafka, string topic)
    {
        (Store, _kafka, Topic) = (shop, kafka, topic);
        Writer = new TopicWriter(kafka, topic);
    }

    public Store Store { get; }

    public string Topic { get; }

    public TopicWriter Writer { get; }

    public static async Task<Behind> CreateAsync(
        PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka, CancellationToken cancellationToken) =>
        new(await Store.CreateAsync(postgres, clickhouse, cancellationToken), kafka, kafka.NewTopic());

    public Task<WebApplication> StartAsync(CancellationToken cancellationToken, params string[] settings) =>
        Store.StartAsync(cancellationToken, ["--source", "kafka", .. _kafka.Arguments(Topic), .. settings]);

    public async Task SendAsync(params (string Key, string Value)[] messages)
    {
        foreach (var (key, value) in messages)
            await Writer.SendAsync(key, value);
    }

    /// <summary>Waits until a query gives this answer.</summary>
    public async Task WaitForAsync(string sql, string expected, CancellationToken cancellationToken)
    {
        try
        {
            await Wait.ForAsync(
                async () => (await Store.QueryAsync(sql, cancellationToken)).TrimEnd('\n'), answer =>
                    answer == expected, $"'{sql}' to answer '{expected}'", cancellationToken, TimeSpan.FromSeconds(120));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} The log:\n{Store.Log}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Writer.Dispose();
        await Store.DisposeAsync();
    }
}
