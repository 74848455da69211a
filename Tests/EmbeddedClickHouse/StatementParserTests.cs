using System.Text;
using AspireCdc.EmbeddedClickHouse.Sql;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

public sealed class StatementParserTests
{
    [Theory]
    [InlineData("SELECT 1", "SELECT 1", null)]
    [InlineData("SELECT 1 FORMAT JSON", "SELECT 1 ", "JSON")]
    [InlineData("select 1 format JSON;", "select 1 ", "JSON")]
    [InlineData("SELECT 1 FORMAT `JSON`", "SELECT 1 ", "JSON")]
    [InlineData("SELECT 1 -- FORMAT JSON", "SELECT 1", null)]
    [InlineData("SELECT 1 /* FORMAT JSON */ ;", "SELECT 1", null)]
    [InlineData("SELECT 'FORMAT JSON'", "SELECT 'FORMAT JSON'", null)]
    [InlineData("SELECT 'it''s' FORMAT CSV", "SELECT 'it''s' ", "CSV")]
    [InlineData(@"SELECT 'it\'s' FORMAT CSV", @"SELECT 'it\'s' ", "CSV")]
    [InlineData("SELECT $tag$ ' FORMAT JSON $tag$ FORMAT CSV", "SELECT $tag$ ' FORMAT JSON $tag$ ", "CSV")]
    [InlineData("SELECT format FROM t", "SELECT format FROM t", null)]
    [InlineData("SELECT a, format b", "SELECT a, format b", null)]
    [InlineData("SELECT (SELECT 1 AS format)", "SELECT (SELECT 1 AS format)", null)]
    [InlineData("(SELECT 1) UNION ALL (SELECT 2) FORMAT TSV", "(SELECT 1) UNION ALL (SELECT 2) ", "TSV")]
    [InlineData("WITH 1 AS x SELECT x", "WITH 1 AS x SELECT x", null)]
    [InlineData("/* a */ -- b\n# c\nSELECT 1", "/* a */ -- b\n# c\nSELECT 1", null)]
    public void A_select_is_split_from_its_format(string sql, string body, string? format)
    {
        var statement = Parse(sql)!;

        statement.Kind.Should().Be(StatementKind.Select);
        sql[..statement.BodyEnd].Should().Be(body);
        statement.Format.Should().Be(format);
        statement.SecondStatement.Should().Be(-1);
    }

    [Fact]
    public void Settings_after_the_format_stay_with_the_select()
    {
        const string sql = "SELECT 1 FORMAT JSON SETTINGS max_threads = 1, final = 0;";

        var statement = Parse(sql)!;

        statement.Format.Should().Be("JSON");
        sql[statement.Tail].Should().Be("SETTINGS max_threads = 1, final = 0");
    }

    [Theory]
    [InlineData("CREATE TABLE t (a Int32) ENGINE = Memory", "CREATE")]
    [InlineData("INSERT INTO t SELECT 1", "INSERT")]
    [InlineData("INSERT INTO t (a, b) SELECT 1, 'FORMAT CSV'", "INSERT")]
    [InlineData("INSERT INTO t (SELECT 1)", "INSERT")]
    [InlineData("INSERT INTO t WITH 1 AS x SELECT x", "INSERT")]
    [InlineData("WITH y AS (SELECT 1) INSERT INTO t SELECT * FROM y", "WITH")]
    [InlineData("system reload config", "SYSTEM")]
    public void Other_statements_are_commands(string sql, string keyword)
    {
        var statement = Parse(sql)!;

        statement.Kind.Should().Be(StatementKind.Command);
        statement.Keyword.Should().Be(keyword);
    }

    [Theory]
    [InlineData("INSERT INTO t VALUES (1)", "INSERT INTO t ", "Values", "(1)")]
    [InlineData("INSERT INTO t (a) VALUES\n(1)", "INSERT INTO t (a) ", "Values", "(1)")]
    [InlineData("insert into db.t(a, b) values (1, 'x')", "insert into db.t(a, b) ", "Values", "(1, 'x')")]
    [InlineData("INSERT INTO t VALUES /* first */ (1)", "INSERT INTO t ", "Values", "(1)")]
    [InlineData("INSERT INTO t FORMAT CSV\n1,2\n", "INSERT INTO t ", "CSV", "1,2\n")]
    [InlineData("INSERT INTO t FORMAT CSV \t\r\n\n1", "INSERT INTO t ", "CSV", "\n1")]
    [InlineData("INSERT INTO t FORMAT CSV 1,2", "INSERT INTO t ", "CSV", "1,2")]
    [InlineData("INSERT INTO values VALUES (1)", "INSERT INTO values ", "Values", "(1)")]
    [InlineData("INSERT INTO format FORMAT TSV\n1", "INSERT INTO format ", "TSV", "1")]
    [InlineData("INSERT INTO `VALUES` (`FORMAT`) VALUES (1)", "INSERT INTO `VALUES` (`FORMAT`) ", "Values", "(1)")]
    [InlineData("INSERT INTO /* VALUES */ t -- FORMAT CSV\n VALUES (1)", "INSERT INTO /* VALUES */ t -- FORMAT CSV\n ", "Values", "(1)")]
    [InlineData("INSERT INTO FUNCTION file('VALUES', 'CSV') VALUES (1)", "INSERT INTO FUNCTION file('VALUES', 'CSV') ", "Values", "(1)")]
    [InlineData("INSERT INTO t SETTINGS a = 1, b = 'VALUES' FORMAT CSV\n1", "INSERT INTO t SETTINGS a = 1, b = 'VALUES' ", "CSV", "1")]
    public void An_insert_is_split_from_its_data(string sql, string text, string format, string data)
    {
        var statement = Parse(sql)!;

        statement.Kind.Should().Be(StatementKind.Insert);
        sql[..statement.BodyEnd].Should().Be(text);
        statement.Format.Should().Be(format);
        sql[statement.DataStart..].Should().Be(data);
    }

    [Theory]
    [InlineData("SETTINGS async_insert=0", "1,2")]
    [InlineData("SETTINGS a = 1.5, b='x', c = -1", "1,2")]
    [InlineData("SETTINGS m = {'a': 1}, n = [1, 2]", "(1)")]
    public void Settings_may_stand_between_format_and_data(string settings, string data)
    {
        var sql = $"INSERT INTO t FORMAT CSV {settings}\n{data}";

        var statement = Parse(sql)!;

        sql[statement.Tail].Should().Be(settings);
        sql[statement.DataStart..].Should().Be(data);
    }

    [Fact]
    public void Input_reads_the_data_behind_its_format()
    {
        const string sql = "INSERT INTO t SELECT a * 2 FROM input('a Int32') FORMAT CSV\n1";

        var statement = Parse(sql)!;

        statement.Kind.Should().Be(StatementKind.InsertFromInput);
        sql[statement.Input].Should().Be("input");
        sql[statement.DataStart..].Should().Be("1");
    }

    [Theory]
    [InlineData("SELECT 1; SELECT 2", 8)]
    [InlineData("SELECT ';'; -- c\n SELECT 2", 10)]
    public void A_second_statement_is_seen(string sql, int at) => Parse(sql)!.SecondStatement.Should().Be(at);

    [Theory]
    [InlineData("SELECT 1;")]
    [InlineData("SELECT 1 ; ; -- end")]
    [InlineData("SELECT ';'")]
    public void A_semicolon_at_the_end_begins_no_second_statement(string sql) => Parse(sql)!.SecondStatement.Should().Be(-1);

    [Theory]
    [InlineData("SELECT 1 INTO OUTFILE 'x'", true)]
    [InlineData("INSERT INTO t FROM INFILE 'x' FORMAT CSV", true)]
    [InlineData("SELECT 'INTO OUTFILE x'", false)]
    public void Files_of_the_client_are_seen(string sql, bool named) => Parse(sql)!.NamesClientFile.Should().Be(named);

    [Theory]
    [InlineData("")]
    [InlineData(" \n\t")]
    [InlineData("-- nothing")]
    public void Nothing_is_empty(string sql) => Parse(sql)!.IsEmpty.Should().BeTrue();

    [Theory]
    [InlineData("INSERT INTO t (a, s) FORMAT RowBinary\n\u0001\u0002;\n\nx")]
    [InlineData("INSERT INTO t (a, s) VALUES (1, 'x')")]
    [InlineData("INSERT INTO t SETTINGS a = 1.25 FORMAT CSV SETTINGS b = 'y', c = 2\n1,2")]
    [InlineData("INSERT INTO t SELECT a FROM input('a Int32') FORMAT CSV\n1")]
    public void An_insert_that_has_come_only_in_part_is_read_the_same_or_waits_for_more(string sql)
    {
        var whole = Parse(sql)!;
        for (var length = 0; length < sql.Length; length++)
        {
            var part = StatementParser.Parse(Encoding.Latin1.GetBytes(sql[..length]), complete: false);
            part?.Should().Be(whole, "after {0} bytes", length);
        }
    }

    private static Statement? Parse(string sql) => StatementParser.Parse(Encoding.Latin1.GetBytes(sql), complete: true);
}
