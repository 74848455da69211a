using System.Net;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.CdcProcessor.Operations;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.Logging;
using Xunit;

namespace AspireCdc.Tests.Kafka;

/// <summary>What a connector, which has no ClickHouse, answers to what only the processors behind it can do.</summary>
public sealed class ConnectorOperationTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_connector_asked_for_dead_letters_says_who_has_them()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var arguments = shop.Arguments.ToList();
        arguments.RemoveRange(arguments.IndexOf("--ConnectionStrings:clickhouse"), 2);
        await using var connector =
            CdcProcessorApp.Create([.. arguments, "--sink", "kafka", .. kafka.Arguments(kafka.NewTopic(create: false))], builder =>
        {
            builder.Logging.ClearProviders();
            builder.Logging.AddProvider(shop.Log);
        });
        await connector.StartAsync(Cancel);
        await shop.WaitForPhaseAsync(connector, Phase.Streaming, Cancel);

        var address = connector.Urls.First();
        using var http = new HttpClient { BaseAddress = new Uri(address) };
        HttpResponseMessage[] answers =
        [
            await http.GetAsync("/operations/dead-letters", Cancel),
            await http.PostAsync("/operations/dead-letters/retry", null, Cancel),
            await http.PostAsync("/operations/dead-letters/drop?all=true", null, Cancel),
            await http.PostAsync("/operations/dead-letters/drop?id=1", null, Cancel),
        ];
        foreach (var answer in answers)
        {
            answer.StatusCode.Should().Be(HttpStatusCode.Conflict);
            (await answer.Content.ReadAsStringAsync(Cancel)).Should().Be(KafkaChangeSink.DeadLettersAreTheProcessors);
            answer.Dispose();
        }

        foreach (var verb in (string[][])[["list"], ["retry"], ["drop", "--all"]])
        {
            var text = new StringWriter();
            (await Verbs.RunAsync(["dead-letters", .. verb, "--address", address], text, text, Cancel)).Should().Be(1);
            text.ToString().Trim().Should().Be(KafkaChangeSink.DeadLettersAreTheProcessors);
        }
        await connector.StopAsync(Cancel);
    }
}
