using System.Net;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.Star.Statements;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using ClickHouse.Driver.ADO;
using Microsoft.Extensions.Logging;
using Xunit;

namespace AspireCdc.Tests.ClickHouseMigrator;

/// <summary>How ClickHouse keeps the model's tables, which no migration says.</summary>
public sealed class TableSettingsTests(PostgresServer postgres, ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_tables_of_the_model_get_them_and_no_other_and_facts_are_merged_as_ever()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);

        (await KeptAsync(shop)).Should().Be(
            """
            cdc_dead_letter	0	0
            cdc_progress	0	0
            customer_dim	1	1
            order_by_customer	1	1
            order_fact	0	1
            order_landing	1	1
            orderitem_by_order	1	1
            orderitem_by_product	1	1
            orderitem_fact	0	1
            orderitem_landing	1	1
            product_dim	1	1

            """);
    }

    [Fact]
    public async Task What_somebody_has_set_stays_and_what_is_missing_comes_with_the_next_start()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.QueryAsync("ALTER TABLE order_landing MODIFY SETTING merge_selector_base = 7", Cancel);
        await shop.QueryAsync("ALTER TABLE order_landing RESET SETTING auto_statistics_types", Cancel);

        await shop.MigrateAsync(Cancel);

        (await shop.QueryAsync(
            "SELECT extract(engine_full, 'SETTINGS .*') FROM system.tables WHERE database = currentDatabase() AND name = 'order_landing'",
            Cancel))
            .Should().Be("SETTINGS index_granularity = 1024, merge_selector_base = 7, auto_statistics_types = \\'basic\\'\n");
    }

    [Fact]
    public async Task A_fact_beside_another_gets_them_and_keeps_them_in_its_place()
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        var fact = shop.Model.Facts.Single(fact => fact.Name == "order_fact");
        await shop.QueryAsync(TableStatements.CreateFact(fact, fact.Next), Cancel);

        await shop.MigrateAsync(Cancel);
        (await KeptAsync(shop)).Should().Contain("order_fact__next\t0\t1\n");

        await shop.QueryAsync("ALTER TABLE order_fact RESET SETTING auto_statistics_types", Cancel);
        await shop.QueryAsync("CREATE OR REPLACE TABLE order_fact CLONE AS order_fact__next", Cancel);
        (await KeptAsync(shop)).Should().Contain("order_fact\t0\t1\n");
    }

    [Theory]
    [InlineData("MODIFY SETTING")]
    [InlineData("merge_tree_settings")]
    public async Task Where_ClickHouse_refuses_them_a_warning_says_why_and_the_tables_are_used_as_they_are(string refused)
    {
        await using var shop = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await shop.QueryAsync("ALTER TABLE order_landing RESET SETTING merge_selector_base", Cancel);
        using var http = new HttpClient(new RefusingHandler(refused));
        var log = new LogLines();

        var target = new ClickHouseConnectionStringBuilder(shop.ClickHouse.ConnectionString) { Compression = false };
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));

        await new TableSettings(target, cluster: null, loggers.CreateLogger<TableSettings>(), http).ApplyAsync(shop.Model, Cancel);

        log.Lines.Should().ContainSingle(line => line.Contains("it refuses others") && line.Contains("Not enough privileges"));
    }

    private static Task<string> KeptAsync(Store shop) => shop.QueryAsync(
        """
        SELECT name, engine_full LIKE '%merge_selector_base = 10%', engine_full LIKE '%auto_statistics_types = \'basic\'%'
        FROM system.tables WHERE database = currentDatabase() AND engine = 'ReplacingMergeTree' ORDER BY name
        """, Cancel);

    /// <summary>A server that refuses some statements.</summary>
    private sealed class RefusingHandler(string statement) : DelegatingHandler(new HttpClientHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var sql = await request.Content!.ReadAsStringAsync(cancellationToken);
            if (!sql.Contains(statement, StringComparison.Ordinal))
                return await base.SendAsync(request, cancellationToken);
            return new HttpResponseMessage(HttpStatusCode.Forbidden)
            {
                RequestMessage = request,
                Content = new StringContent("Code: 497. DB::Exception: panda: Not enough privileges. (ACCESS_DENIED)"),
            };
        }
    }
}
