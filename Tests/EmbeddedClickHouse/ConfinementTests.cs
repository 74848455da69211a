using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>What a query may not reach: this machine's files, its programs, other machines, and what the server itself lives on.</summary>
public sealed class ConfinementTests(ConfinementTests.Server server) : IAsyncLifetime, IClassFixture<ConfinementTests.Server>
{
    private readonly OwnClickHouse _server = server.ClickHouse;
    private ClickHouseHttp _http = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _http = new ClickHouseHttp(await _server.CreateDatabaseAsync("d", Cancellation));
    }

    public async ValueTask DisposeAsync()
    {
        await new TestClickHouse(_server.Address, "default").QueryAsync("DROP DATABASE d", CancellationToken.None);
        _http.Dispose();
    }

    [Fact]
    public async Task Nothing_leads_out_of_the_server()
    {
        using var secret = new TemporaryFolder();
        var file = Path.Combine(secret.Path, "secret.csv");
        await File.WriteAllTextAsync(file, "secret\n", Cancellation);
        var made = Path.Combine(secret.Path, "made");
        string[] attempts =
        [
            $"SELECT * FROM file('{file}', 'LineAsString')",
            $"SELECT * FROM file('../../../../../../../..{file}', 'LineAsString')",
            $"SELECT * FROM `file`('{file}', 'LineAsString')",
            $"SELECT * FROM /* a /* b */ c */ file // x\n ('{file}', 'LineAsString')",
            $"SELECT * FROM file($${file}$$, 'LineAsString')",
            $"SELECT * FROM file(concat('/', '{file}'), 'LineAsString')",
            $"SELECT file('{file}')",
            $"SELECT file(concat('{file}', ''))",
            "CREATE FUNCTION f AS (x) -> file(x)",
            $"SELECT * FROM `{file}`",
            $"SELECT * FROM default.`{file}`",
            $"SELECT * FROM default.\"{file}\" AS t, file('mine.csv')",
            $"SELECT * FROM “{file}”",
            $"SELECT * FROM filesystem('{secret.Path}')",
            $"INSERT INTO FUNCTION file('{made}', 'CSV', 'a Int32') VALUES (1)",
            $"INSERT INTO FUNCTION file('{made}', 'CSV', 'a Int32') SELECT 1",
            $"INSERT INTO t SELECT * FROM input('a Int32') AS i, file('{file}', 'LineAsString') FORMAT CSV\n1\n",
            $"SELECT 1 INTO OUTFILE '{made}'",
            $"SELECT 1 ) INTO OUTFILE '{made}'",
            $"CREATE TABLE f (a Int32) ENGINE = File(CSV, '{made}')",
            $"CREATE DATABASE f ENGINE = Filesystem('{secret.Path}')",
            $"CREATE DATABASE f ENGINE = SQLite('{made}')",
            $"BACKUP DATABASE d TO File('{made}')",
            $"CREATE TABLE f (a Int32) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '{made}/')",
            $"CREATE DICTIONARY f (a UInt64, b String) PRIMARY KEY a SOURCE(FILE(path '{file}' format " +
            "'LineAsString')) LAYOUT(FLAT()) LIFETIME(0)",
            $"CREATE DICTIONARY f (a UInt64, b String) PRIMARY KEY a SOURCE(EXECUTABLE(command 'touch {made}' " +
            "format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
            $"CREATE DICTIONARY f (a UInt64, b String) PRIMARY KEY a SOURCE(`executable`(command 'touch {made}' " +
            "format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
            "CREATE DICTIONARY f (a UInt64, b String) PRIMARY KEY a SOURCE(HTTP(url 'http://localhost:1/' " +
            "format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
            "CREATE DICTIONARY f (a UInt64, b String) PRIMARY KEY a SOURCE(CLICKHOUSE(host " +
            "'10.0.0.1' table 't')) LAYOUT(FLAT()) LIFETIME(0)",
            "SELECT * FROM executable('x', 'TSV', 'a Int32')",
            "SELECT * FROM url('http://localhost:1/', 'CSV', 'a Int32')",
            "SELECT * FROM s3('http://localhost:1/bucket/x.csv', 'CSV', 'a Int32')",
            "SELECT * FROM remote('localhost:1', system.one)",
            "SELECT * FROM postgresql('localhost:1', 'a', 'b', 'c', 'd')",
            "CREATE TABLE f (a Int32) ENGINE = URL('http://localhost:1/', 'CSV')",
            "CREATE TABLE f (a Int32) ENGINE = Kafka('localhost:1', 't', 'g', 'CSV')",
            "CREATE DATABASE f ENGINE = MaterializedPostgreSQL('localhost:1', 'a', 'b', 'c')",
            $"CREATE VIEW v (a String) DEFINER = default SQL SECURITY DEFINER AS SELECT * FROM default.`{file}`",
            $"SELECT file\u2003('{file}')",
            $"SELECT file\u200b('{file}')",
            $"CREATE DICTIONARY f (a UInt64, b String) PRIMARY KEY a SOURCE\u3000(EXECUTABLE(command 'touch {made}' " +
            "format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
            $"INSERT INTO FUNCTION file('{{_partition_id}}', 'TSVRaw', 's String, p String') PARTITION BY p " +
            $"SELECT 'a', '../../../../../../../..{made}'",
            $"SELECT * FROM file('{{.,x}}{{.,x}}/{{.,x}}{{.,x}}{file}', 'LineAsString')",
            $"SELECT * FROM file('.{{,x}}./.{{,x}}./.{{,x}}./.{{,x}}./.{{,x}}.{file}', 'LineAsString')",
            $"SELECT * APPLY(file) FROM (SELECT '{file}')",
            $"SELECT * APPLY file FROM (SELECT '{file}')",
            $"SELECT `\\x66ile`('{file}')",
            $"SELECT * FROM default.`{file.Replace("/", "\\x2f")}` AS t, file('mine.csv')",
            $"SELECT * FROM '{file}' AS t, file('mine.csv')",
            $"SELECT * FROM default.'{file}' AS t, file('mine.csv')",
            "SET\u2003ROLE ALL",
            $"INSERT INTO s VALUES (file('{file}'))",
            $"INSERT INTO s FORMAT Values ('x'), (`\\x66ile`('{file}'))",
            $"INSERT INTO s VALUES ('\\x'a', file('{file}'))",
            $"INSERT INTO s SETTINGS input_format_values_interpret_expressions = 1 VALUES (file('{file}'))",
            "SET input_format_values_interpret_expressions = 1",
            "SET `input_format_values_deduce_templates_of_expression\\x73` = DEFAULT",
            $"INSERT INTO s SELECT s FROM input('s String') FORMAT Values (file('{file}'))",
            $"SELECT * FROM format(Values, 's String', $$(file('{file}'))$$)",
            $"SELECT * FROM format(Values, 's String', concat('(fi', 'le(\\'{file}\\'))'))",
            $"SELECT * FROM format(JSONEachRow, 'a Int32, s String DEFAULT file(\\'{file}\\')', '{{\"a\":1}}')",
            $"SELECT * FROM format(JSONEachRow, 'a Int32, s String DEFAULT file\\n(\\'{file}\\')', '{{\"a\":1}}')",
            $"SELECT * FROM format(JSONEachRow, $$a Int32, s String DEFAULT file('{file}')$$, '{{\"a\":1}}')",
            $"SELECT * FROM format(JSONEachRow, concat('a Int32, s String DEFAULT fi', 'le(\\'{file}\\')'), '{{\"a\":1}}')",
            $"WITH concat('a Int32, s String DEFAULT fi', 'le(\\'{file}\\')') AS x SELECT * FROM format(JSONEachRow, x, '{{\"a\":1}}')",
            $"SELECT s FROM generateRandom(concat('a Int32, s String ALIAS fi', 'le(\\'{file}\\')')) LIMIT 1",
            $"SELECT s FROM generateRandom('a Int32, s String ALIAS file(''{file}'')') LIMIT 1",
            $"INSERT INTO s SELECT s FROM input('a Int32, s String DEFAULT file(''{file}'')') FORMAT JSONEachRow {{\"a\":1}}",
            $"SELECT 1 SETTINGS additional_result_filter = 'throwIf(1, file(''{file}''))'",
            $"SELECT 1 FROM system.one SETTINGS additional_table_filters = {{'system.one': 'throwIf(1, file(''{file}''))'}}",
            "SET allow_experimental_eval_table_function = 1",
            "SET dialect = 'kusto'",
            $"CREATE DICTIONARY f (a UInt64, b String) PRIMARY KEY a SOURCE(CLICKHOUSE(QUERY 'SELECT 1 AS a, file(''{file}'') AS b')) " +
            "LAYOUT(FLAT()) LIFETIME(0)",
            $"CREATE NAMED COLLECTION f AS query = 'SELECT 1 AS a, file(''{file}'') AS b'",
            "SET ROLE ALL",
            "SET DEFAULT ROLE ALL TO default",
            "SET max_threads = 1 PARALLEL WITH SET ROLE ALL",
        ];
        await _http.QueryAsync("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a");
        await _http.QueryAsync("CREATE TABLE s (s String) ENGINE = MergeTree ORDER BY s");

        foreach (var sql in attempts)
        {
            using var response = await _http.PostAsync(sql);
            var answer = await response.Content.ReadAsStringAsync(Cancellation);
            answer.Should().StartWith("Code: ", sql).And.NotContain("secret\n");
            Path.Exists(made).Should().BeFalse(sql);
        }

        (await _http.QueryAsync("SELECT count() FROM t")).Should().Be("0\n");
        (await _http.QueryAsync("SELECT count() FROM s")).Should().Be("0\n");
    }

    [Theory]
    [InlineData("")]
    [InlineData("session_id=s1&")]
    public async Task Data_read_no_file_wherever_they_come_from(string session)
    {
        await _http.QueryAsync("CREATE TABLE s (s String) ENGINE = Memory");
        using var literals = new MemoryStream();
        while (literals.Length < 200_000)
            literals.Write("('a row'),\n"u8);
        literals.Write("(file('/etc/passwd'))"u8);
        using var form = new MultipartFormDataContent
        {
            { new StringContent("SELECT * FROM extra"), "query" },
            { new StringContent("s String"), "extra_structure" },
            { new StringContent("Values"), "extra_format" },
            { new StringContent("(file('/etc/passwd'))"), "extra", "extra" },
        };
        await _http.QueryAsync(
            "INSERT INTO FUNCTION file('own.txt', 'TSVRaw', 's String') SELECT '(file(''/etc/passwd''))'",
            session + "engine_file_truncate_on_insert=1");

        (await AnswerAsync(new StringContent("(file('/etc/passwd'))"), "query=INSERT+INTO+s+VALUES")).Should().StartWith("Code: 344.");
        (await AnswerAsync(new ByteArrayContent(literals.ToArray()), "query=INSERT+INTO+s+VALUES")).Should().StartWith("Code: 344.");
        (await AnswerAsync(new ByteArrayContent(literals.ToArray()), "query=INSERT+INTO+s+SELECT+*+FROM+input('s+String')+FORMAT+Values"))
            .Should().StartWith("Code: 344.");
        (await AnswerAsync(form, "")).Should().StartWith("Code: 344.");
        (await AnswerAsync(new StringContent("SELECT * FROM file('own.txt', 'Values', 's String')"), "")).Should().StartWith("Code: 344.");
        (await AnswerAsync(new StringContent("INSERT INTO s VALUES (1)"), "input_format_values_interpret_expressions=1")).Should()
            .StartWith("Code: 497.");
        (await AnswerAsync(
            new StringContent("SELECT * FROM format(JSONEachRow, {columns:String}, '{\"a\":1}')"),
            "param_columns=" + Uri.EscapeDataString("a Int32, s String DEFAULT file('/etc/passwd')"))).Should().StartWith("Code: 497.");
        (await _http.QueryAsync("SELECT count() FROM s")).Should().Be("0\n");

        async Task<string> AnswerAsync(HttpContent body, string parameters)
        {
            using var response = await _http.PostAsync(body, session + parameters, Cancellation);
            return await response.Content.ReadAsStringAsync(Cancellation);
        }
    }

    [Theory]
    [InlineData("SELECT format('{} {}', concat('a', 'b'), upper('c'))", "ab C\n")]
    [InlineData("SELECT 'file(1)', 'use DEFAULT', 'x' AS dialect", "file(1)\tuse DEFAULT\tx\n")]
    [InlineData("SELECT 'by DEFAULT file(1)' AS dialect FROM format(CSV, 'a Int32', '1')", "by DEFAULT file(1)\n")]
    [InlineData("SELECT * FROM format(CSV, 'a Int32, s String DEFAULT upper(\\'x\\')', concat('1,', 'y'))", "1\ty\n")]
    [InlineData("SELECT * FROM format(CSV, concat('1,', 'y'))", "1\ty\n")]
    [InlineData("SELECT a IS NULL FROM generateRandom('a Int32', 1) LIMIT 1", "0\n")]
    public async Task What_only_looks_like_a_way_out_works(string sql, string answer) => (await _http.QueryAsync(sql)).Should().Be(answer);

    [Fact]
    public async Task A_name_that_comes_as_a_parameter_is_a_name()
    {
        using var response = await _http.PostAsync("SELECT * FROM default.{x:Identifier}", "param_x=/etc/passwd");

        (await response.Content.ReadAsStringAsync(Cancellation)).Should().StartWith("Code: 497.");
    }

    [Theory]
    [InlineData("a String DEFAULT file('/etc/passwd')")]
    [InlineData("a String DEFAULT `\\x66ile`('/etc/passwd')")]
    [InlineData("a String) AS SELECT file('/etc/passwd') AS a WHERE (1")]
    [InlineData("a String) AS SELECT 'x' AS a --")]
    public async Task What_comes_with_a_query_is_names_and_types(string structure)
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent("SELECT * FROM extra"), "query" },
            { new StringContent(structure), "extra_structure" },
            { new StringContent("TSV"), "extra_format" },
            { new StringContent(""), "extra", "extra" },
        };

        using var response = await _http.PostAsync(form, cancellation: Cancellation);

        (await response.Content.ReadAsStringAsync(Cancellation)).Should().MatchRegex(@"^Code: (497|62)\.");
    }

    [Fact]
    public async Task A_query_whose_id_no_header_can_hold_is_answered()
    {
        using var response = await _http.PostAsync("SELECT queryID()", "query_id=" + Uri.EscapeDataString("Änderung 7"));

        (await response.Content.ReadAsStringAsync(Cancellation)).Should().Be("Änderung 7\n");
        response.Headers.Contains("X-ClickHouse-Query-Id").Should().BeFalse();
    }

    [Fact]
    public async Task A_folder_of_the_servers_takes_and_gives_files()
    {
        var folder = Path.Combine(_server.Data, "user_files");

        await _http.QueryAsync("INSERT INTO FUNCTION file('a.csv', 'CSV', 'a Int32, s String') VALUES (1, 'x')");
        await _http.QueryAsync(
            "INSERT INTO FUNCTION file('sub/b.csv', 'CSV', 'a Int32, s String') SELECT 2, 'y'", "engine_file_truncate_on_insert=1");

        (await File.ReadAllTextAsync(Path.Combine(folder, "a.csv"), Cancellation)).Should().Be("1,\"x\"\n");
        (await _http.QueryAsync("SELECT * FROM file('*.csv', 'CSV', 'a Int32, s String')")).Should().Be("1\tx\n");
        (await _http.QueryAsync("SELECT * FROM file('sub/b.csv')")).Should().Be("2\ty\n");
        (await _http.QueryAsync($"SELECT * FROM file('{folder}/a.csv')")).Should().Be("1\tx\n");
        (await _http.QueryAsync("SELECT file('a.csv')")).Should().Be("1,\"x\"\\n\n");
        (await _http.QueryAsync("SELECT * FROM file('{a,c}.csv')")).Should().Be("1\tx\n");
        (await _http.QueryAsync("SELECT count() FROM system.tables WHERE database = 'system' AND name = 'one'")).Should().Be("1\n");
    }

    [Theory]
    [InlineData("DROP DATABASE default")]
    [InlineData("DETACH DATABASE default")]
    [InlineData("RENAME DATABASE default TO other")]
    [InlineData("DROP DATABASE system")]
    [InlineData("DETACH DATABASE system")]
    [InlineData("DROP TABLE system.one")]
    [InlineData("DETACH TABLE system.processes")]
    [InlineData("SYSTEM KILL")]
    [InlineData("SYSTEM SHUTDOWN")]
    [InlineData("SYSTEM SUSPEND FOR 100 SECOND")]
    public async Task What_the_server_lives_on_stays(string sql)
    {
        using var response = await _http.PostAsync(sql);

        (await response.Content.ReadAsStringAsync(Cancellation)).Should().StartWith("Code: 497.").And.Contain("(ACCESS_DENIED)");
        (await _http.QueryAsync("SELECT count() FROM system.one")).Should().Be("1\n");
        (await _http.Client.GetStringAsync("/health", Cancellation)).Should().Be("""{"status":"ok"}""");
    }

    [Fact]
    public async Task Health_is_bad_once_a_request_would_fail()
    {
        await using var server = new OwnClickHouse { Database = "served" };
        await server.StartAsync(Cancellation);
        using var http = new ClickHouseHttp(new TestClickHouse(server.Address, "default"));
        (await http.Client.GetAsync("/health", Cancellation)).IsSuccessStatusCode.Should().BeTrue();

        await http.QueryAsync("DROP DATABASE served");

        var health = await http.Client.GetAsync("/health", Cancellation);
        ((int)health.StatusCode).Should().Be(503);
        (await health.Content.ReadAsStringAsync(Cancellation)).Should().Contain("served");
    }

    [Theory]
    [InlineData("SET max_threads = 1 PARALLEL WITH DROP TABLE t")]
    [InlineData("SET max_threads = 1 PARALLEL WITH DROP TABLE t", "readonly=1&")]
    [InlineData("DROP TABLE t", "readonly=2&", true)]
    [InlineData("INSERT INTO t VALUES (1)", "readonly=1&", true)]
    [InlineData("INSERT INTO t VALUES (1)")]
    [InlineData("INSERT INTO FUNCTION file('x.csv', 'CSV', 'a Int32') SELECT 1")]
    [InlineData("WITH 1 AS a INSERT INTO FUNCTION file('x.csv', 'CSV', 'a Int32') SELECT a")]
    [InlineData("SET max_threads = 1 PARALLEL WITH INSERT INTO FUNCTION file('x.csv', 'CSV', 'a Int32') SELECT 1")]
    [InlineData("SELECT 1 SETTINGS readonly = 0")]
    [InlineData("SET max_threads = 1 PARALLEL WITH DROP TABLE t", "session_id=s1&")]
    [InlineData("CREATE TABLE u (a Int32) ENGINE = Memory", "session_id=s1&")]
    public async Task Who_may_only_read_writes_in_no_way(string sql, string parameters = "", bool post = false)
    {
        await _http.QueryAsync("CREATE TABLE t (a Int32) ENGINE = Memory");

        using var response = post
            ? await _http.PostAsync(sql, parameters.TrimEnd('&'))
            : await _http.GetAsync($"{parameters}query={Uri.EscapeDataString(sql)}");

        response.Headers.GetValues("X-ClickHouse-Exception-Code").Should().Equal("164");
        (await _http.QueryAsync("SELECT count() FROM t")).Should().Be("0\n");
    }

    [Fact]
    public async Task Sources_that_are_named_are_allowed()
    {
        await using var server = new OwnClickHouse { Sources = "URL" };
        await server.StartAsync(Cancellation);
        using var http = new ClickHouseHttp(new TestClickHouse(server.Address, "default"));

        (await http.QueryAsync($"SELECT * FROM url('{server.Address}ping', 'LineAsString')")).Should().Be("Ok.\n");
        (await (await http.PostAsync("SELECT * FROM remote('localhost:1', system.one)")).Content.ReadAsStringAsync(Cancellation)).Should()
            .StartWith("Code: 497.");
    }

    /// <summary>One for all of these tests: what they try must not change it.</summary>
    public sealed class Server : IAsyncLifetime
    {
        internal OwnClickHouse ClickHouse { get; private set; } = null!;

        public async ValueTask InitializeAsync() => ClickHouse = await ClickHouseServer.StartOwnAsync(Cancellation);

        public ValueTask DisposeAsync() => ClickHouse.DisposeAsync();
    }
}
