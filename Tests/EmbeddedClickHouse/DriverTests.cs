using System.Globalization;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using ClickHouse.Driver;
using ClickHouse.Driver.ADO.Parameters;
using ClickHouse.Driver.Utility;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>ClickHouse's own .NET client works unchanged.</summary>
public sealed class DriverTests(ClickHouseServer clickhouse) : IAsyncLifetime
{
    private TestClickHouse _database = null!;
    private ClickHouseClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await clickhouse.CreateDatabaseAsync(Cancellation);
        _client = new ClickHouseClient(_database.ConnectionString);
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task It_pings() => (await _client.PingAsync(cancellationToken: Cancellation)).Should().BeTrue();

    [Fact]
    public async Task It_reads_the_types_of_the_star()
    {
        await using var reader = await _client.ExecuteReaderAsync(
            """
            SELECT toInt64(-1) AS id, toDecimal64('1234567890.12', 2) AS price, toDecimal128('99999999999999999999.99', 2) AS revenue,
                toDateTime64('2024-05-06 07:08:09.123456', 6, 'UTC') AS at, toLowCardinality('shipped') AS status, '\n\n;\0' AS text,
                toUInt128('340282366920938463463374607431768211455') AS version,
                toUInt256('1') AS star, toUInt8(1) AS gone, toInt32(-4) AS partition
            """,
            cancellationToken: Cancellation);

        (await reader.ReadAsync(Cancellation)).Should().BeTrue();
        reader.GetInt64(0).Should().Be(-1);
        reader.GetDecimal(1).Should().Be(1234567890.12m);
        Convert.ToString(reader.GetValue(2), CultureInfo.InvariantCulture).Should().Be("99999999999999999999.99");
        reader.GetDateTime(3).Should().Be(new DateTime(2024, 5, 6, 7, 8, 9).AddTicks(1234560));
        reader.GetString(4).Should().Be("shipped");
        reader.GetString(5).Should().Be("\n\n;\0");
        reader.GetValue(6).ToString().Should().Be("340282366920938463463374607431768211455");
        reader.GetValue(7).ToString().Should().Be("1");
        reader.GetValue(8).Should().Be((byte)1);
        reader.GetInt32(9).Should().Be(-4);
        (await reader.ReadAsync(Cancellation)).Should().BeFalse();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_000_000)]
    public async Task It_reads_results_of_any_length(int rows)
    {
        await using var reader = await _client.ExecuteReaderAsync(
            $"SELECT number AS n, toString(number) AS s FROM numbers({rows})", cancellationToken: Cancellation);

        reader.GetName(1).Should().Be("s");
        var count = 0L;
        while (await reader.ReadAsync(Cancellation))
        {
            if (Convert.ToInt64(reader.GetValue(0)) != count || reader.GetString(1) != count.ToString(CultureInfo.InvariantCulture))
                Assert.Fail($"Row {count} is wrong.");
            count++;
        }

        count.Should().Be(rows);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_sends_parameters_in_the_url_and_in_a_form(bool form)
    {
        using var client = new ClickHouseClient(_database.ConnectionString + $";UseFormDataParameters={form}");
        var parameters = new ClickHouseParameterCollection();
        parameters.AddParameter("n", 41);
        parameters.AddParameter("s", "it's \t\n\n; \\ ü");

        var answer = await client.ExecuteScalarAsync(
            "SELECT concat(toString({n:Int32} + 1), {s:String})", parameters, cancellationToken: Cancellation);

        answer.Should().Be("42it's \t\n\n; \\ ü");
    }

    [Fact]
    public async Task It_inserts_in_bulk()
    {
        await _client.ExecuteNonQueryAsync(
            "CREATE TABLE t (id Int64, s String, price Decimal(12, 2)) ENGINE = MergeTree ORDER BY id", cancellationToken: Cancellation);
        var rows = Enumerable.Range(0, 250_000).Select(i => new object[] { (long)i, $"{i}\n\n;\0", i / 100m });

        var inserted = await _client.InsertBinaryAsync("t", ["id", "s", "price"], rows, cancellationToken: Cancellation);

        inserted.Should().Be(250_000);
        var wrong = await _client.ExecuteScalarAsync(
            @"SELECT toString((count(), uniqExact(id), countIf(s != concat(toString(id), '\n\n;\0') OR price != toDecimal64(id, 2) / 100))) FROM t", cancellationToken: Cancellation);
        wrong.Should().Be("(250000,250000,0)");
    }

    [Fact]
    public async Task It_inserts_a_raw_stream()
    {
        await _client.ExecuteNonQueryAsync(
            "CREATE TABLE t (id Int64, s String) ENGINE = MergeTree ORDER BY id", cancellationToken: Cancellation);
        using var data = new MemoryStream("1,\"x\n\ny\"\n2,z\n"u8.ToArray());

        using var response = await _client.InsertRawStreamAsync("t", data, "CSV", ["id", "s"], cancellationToken: Cancellation);

        (await _client.ExecuteScalarAsync("SELECT toString(groupArray((id, s))) FROM (SELECT * FROM t ORDER BY id)",
            cancellationToken: Cancellation)).Should().Be(@"[(1,'x\n\ny'),(2,'z')]");
    }

    [Fact]
    public async Task It_tells_errors_by_their_code()
    {
        var failed = await FluentActions.Awaiting(() =>
            _client.ExecuteScalarAsync("SELECT * FROM nowhere", cancellationToken: Cancellation))
            .Should().ThrowAsync<ClickHouseServerException>();

        failed.Which.ErrorCode.Should().Be(60);
        failed.Which.Message.Should().Contain("(UNKNOWN_TABLE)");
    }

    [Fact]
    public async Task It_notices_an_error_after_rows()
    {
        await using var reader = await _client.ExecuteReaderAsync(
            "SELECT number, throwIf(number = 1500000, 'boom') FROM numbers(2000000)", cancellationToken: Cancellation);

        var failed = await FluentActions.Awaiting(async () =>
        {
            while (await reader.ReadAsync(Cancellation))
            {
            }
        }).Should().ThrowAsync<Exception>();

        failed.Which.ToString().Should().Contain("boom");
    }

    [Fact]
    public async Task It_keeps_a_session()
    {
        using var client = new ClickHouseClient(_database.ConnectionString + $";UseSession=true;SessionId={Guid.NewGuid()}");
        await client.ExecuteNonQueryAsync("CREATE TEMPORARY TABLE mine (a Int32)", cancellationToken: Cancellation);
        await client.ExecuteNonQueryAsync("INSERT INTO mine VALUES (7)", cancellationToken: Cancellation);

        (await client.ExecuteScalarAsync("SELECT a FROM mine", cancellationToken: Cancellation)).Should().Be(7);
    }

    [Fact]
    public async Task It_is_refused_with_a_wrong_password()
    {
        using var client = new ClickHouseClient(_database.ConnectionString.Replace(TestClickHouse.Password, "wrong"));

        var failed = await FluentActions.Awaiting(() => client.ExecuteScalarAsync("SELECT 1", cancellationToken: Cancellation)).Should()
            .ThrowAsync<ClickHouseServerException>();

        failed.Which.ErrorCode.Should().Be(516);
    }
}
