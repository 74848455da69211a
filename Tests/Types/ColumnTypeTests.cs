using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Types;

/// <summary>A value arrives exactly or is refused.</summary>
public sealed class ColumnTypeTests(ClickHouseServer clickhouse)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Type, text of the source, and what ClickHouse prints; null where it is refused.</summary>
    public static TheoryData<string, string, string?> Values { get; } = new()
    {
        { "Int16", "-32768", "-32768" },
        { "Int16", "32768", null },
        { "Int32", "2147483647", "2147483647" },
        { "Int32", "2147483648", null },
        { "Int64", "-9223372036854775808", "-9223372036854775808" },
        { "Int64", "9223372036854775808", null },
        { "Int64", "", null },
        { "Int64", "1.0", null },
        { "Bool", "t", "true" },
        { "Bool", "false", "false" },
        { "Bool", "maybe", null },
        { "Float64", "0.1", "0.1" },
        { "Float64", "NaN", "nan" },
        { "Float64", "-Infinity", "-inf" },
        { "Float64", "1e400", null },
        { "Decimal(12, 2)", "9999999999.99", "9999999999.99" },
        { "Decimal(12, 2)", "-9999999999.99", "-9999999999.99" },
        { "Decimal(12, 2)", "10000000000.00", null },
        { "Decimal(12, 2)", "0.005", null },
        { "Decimal(12, 2)", "1.500", "1.5" },
        { "Decimal(12, 2)", "12.5e1", "125" },
        { "Decimal(12, 2)", "1e-2", "0.01" },
        { "Decimal(12, 2)", "1e11", null },
        { "Decimal(12, 2)", "1e10", null },
        { "Decimal(12, 2)", "0e999", "0" },
        { "Decimal(12, 2)", "NaN", null },
        { "Decimal(12, 2)", "Infinity", null },
        { "Decimal(12, 2)", ".", null },
        { "Decimal(12, 2)", "1.2.3", null },
        { "Decimal(38, 2)", "999999999999999999999999999999999999.99", "999999999999999999999999999999999999.99" },
        { "Decimal(38, 2)", "1000000000000000000000000000000000000.00", null },
        { "Decimal(9, 0)", "123456789", "123456789" },
        { "String", "tab\tand ünïcode 😀", "tab\tand ünïcode 😀" },
        { "LowCardinality(String)", "", "" },
        { "UUID", "0188c2f0-aa11-7bcd-8eee-0123456789ab", "0188c2f0-aa11-7bcd-8eee-0123456789ab" },
        { "UUID", "nonsense", null },
        { "Date32", "1900-01-01", "1900-01-01" },
        { "Date32", "0001-01-01", "0001-01-01" },
        { "Date32", "0001-02-29 BC", "0000-02-29" },
        { "Date32", "0002-12-31 BC", null },
        { "Date32", "2299-12-31", "2299-12-31" },
        { "Date32", "9999-12-31", "9999-12-31" },
        { "Date32", "10000-01-01", null },
        { "Date32", "2100-02-29", null },
        { "Date32", "infinity", "9999-12-31" },
        { "Date32", "-infinity", "0000-01-01" },
        { "Date32", "2026-01-02T00:00:00Z", "2026-01-02" },
        { "Date32", "2026-01-02T00:00:01Z", null },
        { "DateTime64(6, 'UTC')", "2026-01-02 03:04:05.678901+00", "2026-01-02 03:04:05.678901" },
        { "DateTime64(6, 'UTC')", "2026-01-02 03:04:05+00", "2026-01-02 03:04:05.000000" },
        { "DateTime64(6, 'UTC')", "2026-01-02T03:04:05.6Z", "2026-01-02 03:04:05.600000" },
        { "DateTime64(6, 'UTC')", "2026-01-02T03:04:05+05:30", "2026-01-01 21:34:05.000000" },
        { "DateTime64(6, 'UTC')", "1900-01-01 00:00:00+00", "1900-01-01 00:00:00.000000" },
        { "DateTime64(6, 'UTC')", "1969-12-31 23:59:59.999999+00", "1969-12-31 23:59:59.999999" },
        { "DateTime64(6, 'UTC')", "2299-12-31 23:59:59.999999+00", "2299-12-31 23:59:59.999999" },
        { "DateTime64(6, 'UTC')", "2300-01-01 00:00:00+00", "2300-01-01 00:00:00.000000" },
        { "DateTime64(6, 'UTC')", "9999-12-31 23:59:59.999999+00", "9999-12-31 23:59:59.999999" },
        { "DateTime64(6, 'UTC')", "0001-01-01 00:00:00+00 BC", "0000-01-01 00:00:00.000000" },
        { "DateTime64(6, 'UTC')", "0002-12-31 23:59:59.999999+00 BC", null },
        { "DateTime64(6, 'UTC')", "10000-01-01 00:00:00+00", null },
        { "DateTime64(6, 'UTC')", "0044-03-15 00:00:00+00 BC", null },
        { "DateTime64(6, 'UTC')", "2026-02-30 00:00:00+00", null },
        { "DateTime64(6, 'UTC')", "2026-01-02 03:04:05.1234567+00", null },
        { "DateTime64(6, 'UTC')", "infinity", "9999-12-31 23:59:59.999999" },
        { "DateTime64(6, 'UTC')", "-infinity", "0000-01-01 00:00:00.000000" },
        { "Time64(6)", "03:04:05.6", "03:04:05.600000" },
        { "Time64(6)", "24:00:00", "24:00:00.000000" },
        { "Time64(6)", "24:00:01", null },
        { "Time64(6)", "03:04:05+00", null },
        { "Nullable(Int32)", "5", "5" },
        { "Nullable(Int32)", "five", null },
        { "UInt32", "4294967295", "4294967295" },
        { "UInt32", "-1", null },
        { "UInt64", "18446744073709551615", "18446744073709551615" },
        { "Float32", "0.1", "0.1" },
        { "Float32", "3.4028235e+38", "3.4028235e38" },
        { "Float32", "1e39", null },
        { "Float32", "-Infinity", "-inf" },
        { "Decimal(38, 2)", "999999999999999999999999999999999999999", null },
        { "Decimal(76, 10)", "123456789012345678901234567890123456789012345678901234567890123456.0123456789",
            "123456789012345678901234567890123456789012345678901234567890123456.0123456789" },
        { "Decimal(76, 10)", "-999999999999999999999999999999999999999999999999999999999999999999.9999999999",
            "-999999999999999999999999999999999999999999999999999999999999999999.9999999999" },
        { "Decimal(76, 10)", "1000000000000000000000000000000000000000000000000000000000000000000", null },
        { "Decimal(76, 10)", "0.00000000001", null },
        { "Decimal(76, 10)", "-0.50", "-0.5" },
        { "Decimal(76, 10)", "1e20", "100000000000000000000" },
        { "Decimal(76, 0)", "0e999", "0" },
        { "LowCardinality(Nullable(String))", "a", "a" },
        { "Array(Nullable(Int32))", "{1,NULL,-3}", "[1,NULL,-3]" },
        { "Array(Nullable(Int32))", "{}", "[]" },
        { "Array(Nullable(Int32))", "{{1},{2}}", null },
        { "Array(Nullable(Int32))", "[0:1]={1,2}", "[1,2]" },
        { "Array(Nullable(Int32))", "{1,x}", null },
        { "Array(Nullable(Int32))", "{1,}", null },
        { "Array(Nullable(Int32))", "[1,null,3]", "[1,NULL,3]" },
        { "Array(Int32)", "{1,NULL}", null },
        { "Array(Int32)", "[1:2]={5,6}", "[5,6]" },
        { "Array(Nullable(String))", """{a,"NULL",NULL,"a b","q\"x\\y","","{"}""", """['a','NULL',NULL,'a b','q"x\y','','{']""" },
        { "Array(Nullable(String))", """["a",null,"\u00fc\n"]""", "['a',NULL,'ü\n']" },
        { "Array(Nullable(String))", "{\"a", null },
        { "Array(Nullable(Decimal(12, 2)))", "{1.50,2.00}", "[1.5,2]" },
        { "Array(LowCardinality(Nullable(String)))", "{a,b,NULL}", "['a','b',NULL]" },
        { "Map(String, Nullable(String))", "\"a\"=>\"1\", \"q\\\"x\"=>NULL", "{'a':'1','q\"x':NULL}" },
        { "Map(String, Nullable(String))", "", "{}" },
        { "Map(String, Nullable(String))", "{\"a\":\"b\",\"c\":null}", "{'a':'b','c':NULL}" },
        { "Map(String, Nullable(String))", "a=>b", null },
        { "JSON", "{\"a\": {\"b\": 1.50}, \"t\": \"2026-01-02 03:04:05\", \"n\": null}",
            "{\"a\":{\"b\":1.5},\"t\":\"2026-01-02 03:04:05\"}" },
        { "JSON", "[1]", null },
        { "JSON", "{\"a\":1,\"a\":2}", null },
        { "JSON", "{\"a.b\":1,\"a\":{\"b\":2}}", null },
        { "JSON", "{\"a\":1e400}", null },
        { "JSON", "{\"a\":18446744073709551616}", null },
        { "JSON", "{\"a\":[{\"b\":1},[2,\"x\"]]}", "{\"a\":[{\"b\":1},[2,\"x\"]]}" },
        { "JSON", "{}x", null },
    };

    [Fact]
    public async Task Values_arrive_exactly_or_are_refused()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        using var client = new ClickHouseClient(database.ConnectionString);
        var wrong = new List<string>();
        foreach (var group in Values.Select(row => row.Data).GroupBy(row => row.Item1))
        {
            var type = TypeOf(group.Key);
            type.Name.Should().Be(group.Key);
            await client.ExecuteAsync($"CREATE OR REPLACE TABLE t (i Int32, x {type.Name}) ENGINE = MergeTree ORDER BY i", Cancel);
            using var rows = new RowBuffer();
            var expected = new List<string?>();
            foreach (var (_, text, printed) in group)
            {
                var start = rows.Length;
                RowBinary.WriteInt32(rows, expected.Count);
                if (type.TryWrite(Encoding.UTF8.GetBytes(text), rows) != (printed is not null))
                    wrong.Add($"{type.Name} '{text}' is {(printed is null ? "taken" : "refused")}");
                if (printed is null)
                {
                    rows.TruncateTo(start);
                    continue;
                }
                expected.Add(printed);
            }
            RowBinary.WriteInt32(rows, expected.Count);
            type.WriteDefault(rows);
            await client.InsertAsync(
                "INSERT INTO t (i, x) SETTINGS input_format_binary_read_json_as_string = 1, input_format_try_infer_dates = 0, " +
                "input_format_try_infer_datetimes = 0", rows.Written, Cancel);

            var printedRows = (await client.QueryAsync("SELECT x FROM t ORDER BY i", Cancel)).Select(row => row[0]).ToList();
            printedRows.Should().HaveCount(expected.Count + 1).And.StartWith(expected);
        }
        wrong.Should().BeEmpty();
    }

    [Fact]
    public async Task What_clickhouse_answers_comes_apart_value_by_value()
    {
        var database = await clickhouse.CreateDatabaseAsync(Cancel);
        using var client = new ClickHouseClient(database.ConnectionString);
        foreach (var group in Values.Select(row => row.Data).Where(row => row.Item3 is not null).GroupBy(row => row.Item1))
        {
            var type = TypeOf(group.Key);
            if (type.HoldsJson)
                continue; // which ClickHouse sends otherwise than it takes it
            var values = new List<byte[]>();
            using var rows = new RowBuffer();
            foreach (var text in group.Select(row => row.Item2).Append(null))
            {
                var start = rows.Length;
                if (text is null)
                    type.WriteDefault(rows);
                else
                    type.TryWrite(Encoding.UTF8.GetBytes(text), rows).Should().BeTrue();
                values.Add(rows.Written[start..].ToArray());
            }
            await client.ExecuteAsync($"CREATE OR REPLACE TABLE t (x {type.Name}) ENGINE = MergeTree ORDER BY tuple()", Cancel);
            await client.InsertAsync("INSERT INTO t (x)", rows.Written, Cancel);

            var rest = await client.ReadAsync("SELECT x FROM t", [], Cancel);
            foreach (var value in values)
                type.Take(ref rest).ToArray().Should().Equal(value, type.Name);
            rest.Length.Should().Be(0, type.Name);
        }
    }

    [Fact]
    public void Copy_lines_are_unescaped()
    {
        using var batch = new ChangeBatch();
        var row = CopyText.AddRow(batch, 4, "a\\tb\\\\n\\n\t\\N\t\tplain\n"u8);

        batch.Text(row, 0).SequenceEqual("a\tb\\n\n"u8).Should().BeTrue();
        batch.Kind(row, 1).Should().Be(ValueKind.Null);
        (batch.Kind(row, 2), batch.Text(row, 2).Length).Should().Be((ValueKind.Text, 0));
        batch.Text(row, 3).SequenceEqual("plain"u8).Should().BeTrue();
        FluentActions.Invoking(() => CopyText.AddRow(batch, 2, "only one\n"u8)).Should().Throw<InvalidDataException>();
    }

    [Theory]
    [InlineData("0/1A2B3C4", 0x1A2B3C4UL)]
    [InlineData("00000000/01A2B3C4", 0x1A2B3C4UL)]
    [InlineData("A/FFFFFFFF", 0xAFFFFFFFFUL)]
    public void Lsn_is_read_in_both_forms(string text, ulong expected)
    {
        Lsn.Parse(text).Should().Be(expected);
        Lsn.Parse(Lsn.Format(expected)).Should().Be(expected);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/1")]
    [InlineData("1/")]
    [InlineData("1")]
    [InlineData("0/1A2B3C4D5")]
    public void What_is_no_lsn_is_refused(string text) => Lsn.TryParse(text, out _).Should().BeFalse();

    private static ColumnType TypeOf(string name) => ColumnType.TryParse(name, out var type) ? type : throw new ArgumentException(name);
}
