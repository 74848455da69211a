using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.ClickHouseMigrator;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using ClickHouse.Driver.ADO;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>
/// A server that refuses to drop what is larger than a limit: what is to be copied anew, or made in another form, is emptied all the same.
/// </summary>
public sealed class LargeTableTests(ClickHouseServer clickhouse)
{
    private const string Limits = "max_table_size_to_drop=1&max_partition_size_to_drop=1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tables_of_any_size_are_emptied_and_replaced_whatever_the_server_allows()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        await database.QueryAsync("CREATE TABLE large ENGINE = MergeTree ORDER BY number AS SELECT number FROM numbers(100000)", Cancel);
        using var limited = new HttpClient(new LimitingHandler());
        using (var answer = await limited.PostAsync(
            new Uri(database.Address, $"/?database={database.Name}&user={TestClickHouse.Username}&password={TestClickHouse.Password}"),
            new StringContent("TRUNCATE TABLE large"), Cancel))
            (await answer.Content.ReadAsStringAsync(Cancel)).Should().Contain("359", "the server refuses it to anybody else");

        using (var client = new ClickHouseClient(database.ConnectionString, new LimitingHandler()))
            await client.ExecuteAsync("TRUNCATE TABLE large", Cancel);
        (await database.QueryAsync("SELECT count() FROM large", Cancel)).Should().Be("0\n");

        await database.QueryAsync("INSERT INTO large SELECT number FROM numbers(100000)", Cancel);
        await new Migrator(new ClickHouseConnectionStringBuilder(database.ConnectionString), null, NullLogger<Migrator>.Instance, limited)
            .ApplyAsync([new("001_gone", "DROP TABLE large")], Cancel);
        (await database.QueryAsync("EXISTS TABLE large", Cancel)).Should().Be("0\n");
    }

    /// <summary>What the server's own default would be: a request that says otherwise is left as it is.</summary>
    private sealed class LimitingHandler() : DelegatingHandler(new HttpClientHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var address = request.RequestUri!;
            if (!address.Query.Contains("max_table_size_to_drop", StringComparison.Ordinal))
                request.RequestUri = new Uri($"{address}{(address.Query.Length > 1 ? "&" : "?")}{Limits}");
            return base.SendAsync(request, cancellationToken);
        }
    }
}
