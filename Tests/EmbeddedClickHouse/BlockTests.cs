using System.Net;
using AspireCdc.EmbeddedClickHouse.Blocks;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>ClickHouse's own compressed blocks, which JDBC and Go clients use.</summary>
public sealed class BlockTests(ClickHouseServer clickhouse)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The files of a table are made of the same blocks: so what the engine wrote itself proves checksum, LZ4 and zstd.</summary>
    [Theory]
    [InlineData("LZ4")]
    [InlineData("ZSTD")]
    [InlineData("NONE")]
    public async Task Blocks_that_the_engine_wrote_are_read(string codec)
    {
        await using var server = await ClickHouseServer.StartOwnAsync(Cancellation);
        var database = await server.CreateDatabaseAsync("d", Cancellation);
        await database.QueryAsync(
            $"CREATE TABLE t (a UInt64, s String CODEC({codec})) ENGINE = MergeTree ORDER BY a SETTINGS min_bytes_for_wide_part = 0, " +
            "string_serialization_version = 'single_stream'", Cancellation);
        await database.QueryAsync("INSERT INTO t SELECT number, repeat(toString(number), number % 40) FROM numbers(100000)", Cancellation);
        var part = (await database.QueryAsync("SELECT path FROM system.parts WHERE table = 't' AND active", Cancellation)).Trim();

        await using var file = File.OpenRead(Path.Combine(part, "s.bin"));
        using var data = new MemoryStream();
        await new BlockReader(file).CopyToAsync(data, Cancellation);

        var expected = new MemoryStream();
        for (var i = 0; i < 100_000; i++)
        {
            var text = string.Concat(Enumerable.Repeat(i.ToString(), i % 40));
            if (text.Length >= 128)
                expected.WriteByte((byte)(text.Length | 128));
            expected.WriteByte((byte)(text.Length >= 128 ? text.Length >> 7 : text.Length));
            expected.Write(System.Text.Encoding.ASCII.GetBytes(text));
        }

        data.ToArray().AsSpan().SequenceEqual(expected.ToArray()).Should().BeTrue();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_000_000)]
    public async Task A_result_goes_out_and_comes_in_again_in_blocks(int rows)
    {
        using var http = new ClickHouseHttp(await clickhouse.CreateDatabaseAsync(Cancellation));
        await http.QueryAsync("CREATE TABLE t (a UInt64) ENGINE = Memory");
        using var selected = await http.PostAsync($"SELECT number AS a FROM numbers({rows}) FORMAT Native", "compress=1");

        using var inserted =
            await http.PostAsync(new ByteArrayContent(await selected.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)),
                "decompress=1&query=INSERT+INTO+t+FORMAT+Native", TestContext.Current.CancellationToken);

        inserted.StatusCode.Should().Be(HttpStatusCode.OK, await inserted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        (await http.QueryAsync("SELECT count(), sum(a) FROM t")).Should().Be($"{rows}\t{(long)rows * (rows - 1) / 2}\n");
    }

    [Fact]
    public async Task A_broken_block_is_refused()
    {
        using var http = new ClickHouseHttp(await clickhouse.CreateDatabaseAsync(Cancellation));
        await http.QueryAsync("CREATE TABLE t (a UInt64) ENGINE = Memory");
        using var selected = await http.PostAsync("SELECT number AS a FROM numbers(10) FORMAT Native", "compress=1");
        var bytes = await selected.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        bytes[^1] ^= 1;

        using var inserted = await http.PostAsync(
            new ByteArrayContent(bytes), "decompress=1&query=INSERT+INTO+t+FORMAT+Native", TestContext.Current.CancellationToken);

        inserted.Headers.GetValues("X-ClickHouse-Exception-Code").Should().Equal("271");
        (await http.QueryAsync("SELECT count() FROM t")).Should().Be("0\n");
    }
}
