using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

public sealed class QueryTests(ClickHouseServer clickhouse) : IAsyncLifetime
{
    private TestClickHouse _database = null!;
    private ClickHouseHttp _http = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await clickhouse.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        _http = new ClickHouseHttp(_database);
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("/ping")]
    [InlineData("/")]
    public async Task A_probe_needs_no_login(string path) =>
        (await _http.Client.GetStringAsync(path, TestContext.Current.CancellationToken)).Should().Be("Ok.\n");

    [Fact]
    public async Task Health_asks_the_engine() =>
        (await _http.Client.GetStringAsync("/health", TestContext.Current.CancellationToken)).Should().Be("""{"status":"ok"}""");

    [Fact]
    public async Task An_unknown_path_is_not_found() =>
        (await _http.Client.GetAsync("/nothing", TestContext.Current.CancellationToken)).StatusCode.Should().Be(HttpStatusCode.NotFound);

    [Theory]
    [InlineData("SELECT 1", "", "1\n")]
    [InlineData("", "query=SELECT%202", "2\n")]
    [InlineData("1 + 2", "query=SELECT", "3\n")]
    [InlineData("SELECT 1 AS a", "default_format=JSONEachRow", "{\"a\":1}\n")]
    [InlineData("SELECT 1 AS a FORMAT CSVWithNames", "default_format=JSONEachRow", "\"a\"\n1\n")]
    [InlineData("SELECT {x:Int32} + {y:Int32}", "param_x=40&param_y=2", "42\n")]
    [InlineData("SELECT {s:String}", "param_s=it%27s%20%5Ct%20%5C%5C%20%3B", "it\\'s \\t \\\\ ;\n")]
    [InlineData("SELECT getSetting('max_threads')", "max_threads=1", "1\n")]
    [InlineData("SELECT getSetting('final'), getSetting('apply_prewhere_after_final')", "", "true\ttrue\n")]
    [InlineData("SELECT getSetting('final')", "final=0", "false\n")]
    [InlineData("SHOW TABLES", "", "")]
    [InlineData("EXPLAIN SYNTAX SELECT 1 FORMAT TSVRaw", "", "SELECT 1\nFROM system.one\n")]
    [InlineData("SELECT 1 -- the end", "", "1\n")]
    [InlineData("SELECT 1 AS res // two", "", "1\n")]
    [InlineData("SELECT 1 // two\n FORMAT TSV // three", "", "1\n")]
    [InlineData("SELECT 1 # two", "", "1\n")]
    [InlineData("SELECT 1 #! two", "", "1\n")]
    [InlineData("SELECT 1 /* a /* b */ FORMAT JSON */", "", "1\n")]
    [InlineData("SELECT 1 /* FORMAT JSON", "", "1\n")]
    [InlineData("SELECT ‘it's // “’", "", "it\\'s // “\n")]
    [InlineData("SELECT queryID(), query_id ( )", "query_id=an%20id", "an id\tan id\n")]
    [InlineData("SELECT 1", "log_comment=mine", "1\n")]
    [InlineData("SELECT 1;", "", "1\n")]
    [InlineData("(SELECT 1) UNION ALL (SELECT 1)", "", "1\n1\n")]
    [InlineData("WITH t AS (SELECT 5 AS a) SELECT a FROM t", "", "5\n")]
    public async Task A_query_is_answered(string body, string parameters, string answer) =>
        (await _http.QueryAsync(body, parameters)).Should().Be(answer);

    [Fact]
    public async Task The_database_of_the_request_is_used()
    {
        (await _http.QueryAsync("SELECT currentDatabase()")).Should().Be(_database.Name + "\n");
        (await _http.QueryAsync("SELECT currentDatabase()", "&database=system")).Should().Be("system\n", "the last of two wins");
    }

    [Fact]
    public async Task Readers_see_deduplicated_rows()
    {
        await _http.QueryAsync(
            "CREATE TABLE t (k Int32, v Int32, version UInt64, gone UInt8) ENGINE = ReplacingMergeTree(version, gone) ORDER BY k");
        await _http.QueryAsync("INSERT INTO t VALUES (1, 1, 1, 0)");
        await _http.QueryAsync("INSERT INTO t VALUES (1, 2, 2, 0), (2, 1, 1, 1)");

        (await _http.QueryAsync("SELECT k, v FROM t PREWHERE v > 0")).Should().Be("1\t2\n");
        (await _http.QueryAsync("SELECT count() FROM t", "final=0")).Should().Be("3\n");
    }

    [Fact]
    public async Task The_content_type_of_curl_does_not_make_a_query_a_form()
    {
        var body = new StringContent("SELECT 'a=b&c=d'");
        body.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");

        (await (await _http.PostAsync(body, cancellation: TestContext.Current.CancellationToken)).Content.ReadAsStringAsync(
            TestContext.Current.CancellationToken)).Should().Be("a=b&c=d\n");
    }

    [Fact]
    public async Task A_multipart_form_holds_query_parameters_and_tables()
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent("SELECT sum(a) + {x:Int32}, groupArray(s) FROM extra"), "query" },
            { new StringContent("100"), "param_x" },
            { new StringContent("a Int32, s String"), "extra_structure" },
            { new StringContent("CSV"), "extra_format" },
            { new StringContent("1,x\n2,\"y\n\nz\"\n"), "extra", "extra.csv" },
        };

        using var response = await _http.PostAsync(form, cancellation: TestContext.Current.CancellationToken);

        (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Should().Be("103\t['x','y\\n\\nz']\n");
    }

    [Fact]
    public async Task The_headers_tell_of_the_query()
    {
        using var response = await _http.PostAsync("SELECT number FROM numbers(10) FORMAT JSON", "query_id=mine");

        Header(response, "X-ClickHouse-Query-Id").Should().Be("mine");
        Header(response, "X-ClickHouse-Format").Should().Be("JSON");
        Header(response, "X-ClickHouse-Server-Display-Name").Should().NotBeEmpty();
        Header(response, "X-ClickHouse-Timezone").Should().NotBeEmpty();
        Header(response, "X-ClickHouse-Exception-Tag").Should().MatchRegex("^[a-z]{16}$");
        response.Content.Headers.ContentType!.ToString().Should().Be("application/json; charset=UTF-8");
        var summary = JsonDocument.Parse(Header(response, "X-ClickHouse-Summary")).RootElement;
        summary.GetProperty("read_rows").GetString().Should().Be("10");
        summary.GetProperty("result_rows").GetString().Should().Be("10");
        summary.GetProperty("result_bytes").GetString().Should().NotBe("0");
        summary.GetProperty("elapsed_ns").GetString().Should().NotBe("0");
    }

    [Fact]
    public async Task The_database_and_the_format_may_come_in_headers()
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/?user={TestClickHouse.Username}&password={TestClickHouse.Password}")
        {
            Content = new StringContent("SELECT currentDatabase() AS d"),
            Headers = { { "X-ClickHouse-Database", _database.Name }, { "X-ClickHouse-Format", "JSONEachRow" } },
        };

        var answer = await (await _http.Client.SendAsync(request, TestContext.Current.CancellationToken)).Content
            .ReadAsStringAsync(TestContext.Current.CancellationToken);

        answer.Should().Be($"{{\"d\":\"{_database.Name}\"}}\n");
    }

    [Theory]
    [InlineData("SELECT * FROM nowhere", "", 404, 60, "(UNKNOWN_TABLE)")]
    [InlineData("SELECT nothing", "", 404, 47, "(UNKNOWN_IDENTIFIER)")]
    [InlineData("SELECT 1 +", "", 400, 62, "failed at position 11 (end of query)")]
    [InlineData("SELEC 1", "", 400, 62, "failed at position 1 (SELEC): SELEC 1")]
    [InlineData("SELECT 1; SELECT 2", "", 400, 62, "Multi-statements are not allowed")]
    [InlineData("", "", 400, 62, "Empty query")]
    [InlineData("-- nothing", "", 400, 62, "Empty query")]
    [InlineData("exit", "", 400, 62, "failed at position 1 (exit)")]
    [InlineData("SELECT 1 FORMAT Nope", "", 404, 73, "(UNKNOWN_FORMAT)")]
    [InlineData("SELECT 1", "default_format=Nope", 404, 73, "(UNKNOWN_FORMAT)")]
    [InlineData("SELECT 1", "default_format=a%20b", 404, 73, "(UNKNOWN_FORMAT)")]
    [InlineData("SELECT 1", "no_such_setting=1", 404, 115, "Unknown setting 'no_such_setting'")]
    [InlineData("SELECT 1", "&database=nowhere", 404, 81, "(UNKNOWN_DATABASE)")]
    [InlineData("SELECT 1", "role=reader", 404, 511, "There is no role `reader`")]
    [InlineData("SELECT throwIf(1)", "", 500, 395, "(FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)")]
    [InlineData("SELECT 1 INTO OUTFILE '/tmp/x'", "", 500, 358, "(INTO_OUTFILE_NOT_ALLOWED)")]
    [InlineData("CREATE TABLE t (a Int32) ENGINE = Memory; DROP TABLE t", "", 400, 62, "Multi-statements are not allowed")]
    [InlineData("SELECT {x:Int32}", "", 500, 456, "(UNKNOWN_QUERY_PARAMETER)")]
    [InlineData("SELECT {x:Int32}", "param_x=abc", 500, 457, "(BAD_QUERY_PARAMETER)")]
    [InlineData("SELECT sleepEachRow(1) FROM numbers(3)", "max_execution_time=1", 408, 159, "(TIMEOUT_EXCEEDED)")]
    public async Task An_error_has_the_text_the_code_and_the_status_of_clickhouse(
        string sql, string parameters, int status, int code, string text)
    {
        using var response = await _http.PostAsync(sql, parameters);

        var answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        answer.Should().StartWith($"Code: {code}. DB::Exception: ").And.Contain(
            text).And.MatchRegex(@"\(version [0-9.]+ \(official build\)\)\n$").And.NotContain("OUTFILE '/dev");
        ((int)response.StatusCode).Should().Be(status);
        Header(response, "X-ClickHouse-Exception-Code").Should().Be(code.ToString());
    }

    [Theory]
    [InlineData("SELECT 1", true)]
    [InlineData("SHOW TABLES", true)]
    [InlineData("CREATE TABLE u (a Int32) ENGINE = Memory", false)]
    [InlineData("INSERT INTO t VALUES (1)", false)]
    [InlineData("DROP TABLE t", false)]
    [InlineData("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", false)]
    public async Task Get_only_reads(string sql, bool allowed)
    {
        await _http.QueryAsync("CREATE TABLE t (a UInt8) ENGINE = Memory");

        using var response = await _http.GetAsync("query=" + Uri.EscapeDataString(sql));

        response.IsSuccessStatusCode.Should().Be(allowed);
        if (!allowed)
        {
            Header(response, "X-ClickHouse-Exception-Code").Should().Be("164");
            (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Should()
                .Contain("method GET implies readonly");
        }
    }

    [Theory]
    [InlineData("user=panda&password=pandapass", null, null, null, true)]
    [InlineData("", "panda:pandapass", null, null, true)]
    [InlineData("", null, "panda", "pandapass", true)]
    [InlineData("user=panda&password=wrong", null, null, null, false)]
    [InlineData("user=nobody&password=pandapass", null, null, null, false)]
    [InlineData("user=panda", null, null, null, false)]
    [InlineData("", null, null, null, false)]
    [InlineData("", "panda:wrong", null, null, false)]
    [InlineData("", null, "panda", "wrong", false)]
    [InlineData("", "panda:pandapass", "panda", "pandapass", false)]
    [InlineData("user=panda&password=pandapass", "panda:pandapass", null, null, false)]
    public async Task Only_the_served_user_is_let_in(string parameters, string? basic, string? user, string? key, bool allowed)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/?" + parameters) { Content = new StringContent("SELECT 1") };
        if (basic is not null)
            request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        if (user is not null)
            request.Headers.Add("X-ClickHouse-User", user);
        if (key is not null)
            request.Headers.Add("X-ClickHouse-Key", key);

        using var response = await _http.Client.SendAsync(request, TestContext.Current.CancellationToken);

        response.IsSuccessStatusCode.Should().Be(allowed);
        if (allowed)
            return;
        response.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        Header(response, "X-ClickHouse-Exception-Code").Should().Be("516");
        (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Should()
            .StartWith("Code: 516. DB::Exception: ").And.Contain("(AUTHENTICATION_FAILED)");
    }

    [Fact]
    public async Task A_query_of_several_megabytes_runs_when_its_limit_is_raised()
    {
        var sql = $"SELECT length('{new string('x', 5_000_000)}')";

        (await _http.QueryAsync(sql, "max_query_size=10000000")).Should().Be("5000000\n");
        (await _http.PostAsync(sql)).StatusCode.Should().Be(HttpStatusCode.BadRequest, "the default is 256 KiB, as in ClickHouse");
    }

    [Fact]
    public async Task What_one_request_sets_does_not_reach_the_next()
    {
        for (var i = 0; i < 20; i++)
        {
            await _http.QueryAsync("SET max_threads = 7");
            await _http.QueryAsync("USE system");
            await _http.QueryAsync("CREATE TEMPORARY TABLE mine (a Int32)");
            await _http.QueryAsync("SELECT 1", "max_threads=6");
            (await _http.QueryAsync("SELECT getSetting('max_threads') IN (6, 7), currentDatabase()")).Should().Be($"0\t{_database.Name}\n");
            (await _http.PostAsync("SELECT * FROM mine")).StatusCode.Should().Be(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    public async Task A_database_that_was_dropped_is_unknown_at_once()
    {
        await _http.QueryAsync("SELECT 1");
        await _http.QueryAsync($"DROP DATABASE {_database.Name}", "&database=default");

        using var response = await _http.PostAsync("SELECT 1");

        response.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Many_clients_are_served_at_once()
    {
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 300).Select(i => _http.QueryAsync($"SELECT {i}, sleep(0.05)", "max_threads=1")));

        answers.Select(answer => int.Parse(answer.Split('\t')[0])).Should().Equal(Enumerable.Range(0, 300));
    }

    [Theory]
    [InlineData("ALTER TABLE t ADD COLUMN b Int32 DEFAULT 7", "1\t7\n")]
    [InlineData("ALTER TABLE t UPDATE s = 2 WHERE 1 SETTINGS mutations_sync = 1", "2\n")]
    [InlineData("TRUNCATE TABLE t", "")]
    [InlineData("SYSTEM SYNC FILE CACHE", "1\n")]
    [InlineData("OPTIMIZE TABLE t FINAL", "1\n")]
    [InlineData("DELETE FROM t WHERE s = 1", "")]
    public async Task Commands_do_what_they_say(string command, string rows)
    {
        await _http.QueryAsync("CREATE TABLE t (k Int32 ALIAS 1, s Int32) ENGINE = MergeTree ORDER BY tuple()");
        await _http.QueryAsync("INSERT INTO t VALUES (1)");

        (await _http.QueryAsync(command)).Should().BeEmpty();

        (await _http.QueryAsync("SELECT * FROM t")).Should().Be(rows);
    }

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();
}
