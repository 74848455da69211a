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

    /// <summary>An operation that fails of it says so: a reader of the answer's stream would get an exception of another kind.</summary>
    [Fact]
    public async Task An_answer_that_breaks_off_is_a_lost_connection()
    {
        using var client = new ClickHouseClient("Host=localhost;Username=panda;Password=p;Database=local", new BrokenOff());
        using var rows = new RowBuffer();

        await FluentActions.Awaiting(() => client.ReadAsync("SELECT 1", [], rows, Cancel)).Should()
            .ThrowAsync<HttpRequestException>().WithMessage("ClickHouse's answer broke off: *");
        await FluentActions.Awaiting(() => client.ReadAsync("SELECT 1", [], Cancel)).Should().ThrowAsync<HttpRequestException>();
    }

    /// <summary>Breaks off after a few bytes.</summary>
    private sealed class BrokenOff : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage { Content = new StreamContent(new Broken()) });

        private sealed class Broken() : MemoryStream(new byte[10])
        {
            public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
                await base.ReadAsync(buffer, cancellationToken) is > 0 and var read ? read : throw new IOException("reset");

            public override Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken) =>
                throw new IOException("reset");
        }
    }
}
