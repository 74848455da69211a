using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>How the processor's statements run.</summary>
public sealed class ClickHouseClientTests(ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>
    /// Where expressions are compiled, the fourth derivation of a kind takes a second, and with it the fourth order of a new shop.
    /// </summary>
    [Theory]
    [InlineData("compile_expressions", "false")]
    [InlineData("compile_aggregate_expressions", "false")]
    [InlineData("compile_sort_description", "false")]
    [InlineData("insert_deduplicate", "false")]
    [InlineData("async_insert", "false")]
    [InlineData("final", "false")]
    [InlineData("join_use_nulls", "false")]
    [InlineData("max_table_size_to_drop", "0")]
    public async Task Statements_run_as_the_processor_needs_it_whatever_the_server_says(string setting, string value)
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        using var client = new ClickHouseClient(database.ConnectionString);

        (await client.ScalarAsync($"SELECT toString(getSetting('{setting}'))", Cancel)).Should().Be(value);
    }
}
