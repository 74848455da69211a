using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AspireCdc.AppHost.Embedded;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.ServiceDefaults;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>The replication connection takes what Npgsql takes from the same connection string: TLS, logins, several hosts.</summary>
public sealed class WireConnectionTests(WireConnectionTests.SecureServer server, PostgresServer postgres, ClickHouseServer clickhouse)
    : IClassFixture<WireConnectionTests.SecureServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Username=scram;SSL Mode=Disable", "scram", false)]
    [InlineData("Username=scram", "scram", true)]
    [InlineData("Username=scram;SSL Mode=Require", "scram", true)]
    [InlineData("Username=scram;SSL Mode=Require;SSL Negotiation=Direct", "scram", true)]
    [InlineData("Username=scram;SSL Mode=VerifyCA;Root Certificate=@root;Host=127.0.0.1", "scram", true)]
    [InlineData("Username=scram;SSL Mode=VerifyFull;Root Certificate=@root", "scram", true)]
    [InlineData("Username=scram;SSL Mode=Require;Channel Binding=Require", "scram", true)]
    [InlineData("Username=scram;SSL Mode=VerifyFull;Root Certificate=@root;Channel Binding=Require", "scram", true)]
    [InlineData("Username=scram;SSL Mode=Require;Channel Binding=Disable", "scram", true)]
    [InlineData("Username=md5;SSL Mode=Disable", "md5", false)]
    [InlineData("Username=plain;SSL Mode=Require", "plain", true)]
    [InlineData("Username=onlytls;SSL Mode=Allow", "onlytls", true)]
    [InlineData("Username=onlyplain;SSL Mode=Prefer", "onlyplain", false)]
    [InlineData("Username=certified;Password=;SSL Mode=Require;SSL Certificate=@client.crt;SSL Key=@client.key", "certified", true)]
    [InlineData("Username=scram;Password=;Passfile=@passfile", "scram", true)]
    [InlineData("Username=colon;Password=;Passfile=@passfile", "colon", true)]
    public async Task It_connects_as_npgsql_does(string settings, string user, bool secure)
    {
        const string Who = "SELECT current_user::text, ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        var connectionString = server.ConnectionString(settings);
        await using (var other = new NpgsqlConnection(connectionString + ";Pooling=false"))
        {
            await other.OpenAsync(Cancel);
            await using var command = new NpgsqlCommand(Who, other);
            await using var reader = await command.ExecuteReaderAsync(Cancel);
            (await reader.ReadAsync(Cancel)).Should().BeTrue();
            (reader.GetString(0), reader.GetString(1)).Should().Be((user, secure ? "true" : "false"));
        }

        await using var connection = await WireConnection.OpenAsync(connectionString, "test", replication: true, Cancel);

        (await connection.QueryAsync(Who, Cancel))[0].Should().Equal(user, secure ? "true" : "false");
        (await connection.QueryAsync("IDENTIFY_SYSTEM", Cancel))[0][3].Should().Be("shop");
    }

    [Theory]
    [InlineData(
        "Username=scram;SSL Mode=VerifyFull;Root Certificate=@root;Host=127.0.0.1",
        "The certificate of PostgreSQL at 127.0.0.1 is not for that name but for localhost: connect by a " +
        "name that it has, or say SSL Mode=VerifyCA.")]
    [InlineData(
        "Username=scram;SSL Mode=VerifyCA;Root Certificate=@other",
        "The certificate of PostgreSQL at localhost is not trusted (*): name its issuer's " +
        "certificate with Root Certificate=*PGSSLROOTCERT.")]
    [InlineData("Username=scram;SSL Mode=VerifyFull", "The certificate of PostgreSQL at localhost is not trusted (*)*")]
    [InlineData("Username=scram;Password=wrong", "password authentication failed for user \"scram\"")]
    [InlineData("Username=rejected", "pg_hba.conf rejects connection for host *, user \"rejected\", database \"shop\", no encryption")]
    [InlineData("Username=onlytls;SSL Mode=Disable",
        "pg_hba.conf rejects connection for host *, user \"onlytls\", database \"shop\", no encryption")]
    [InlineData("Username=certified;SSL Mode=Require", "connection requires a valid client certificate")]
    public async Task What_npgsql_refuses_is_refused_with_a_sentence(string settings, string sentence)
    {
        var connectionString = server.ConnectionString(settings);
        await using var other = new NpgsqlConnection(connectionString + ";Pooling=false");
        await FluentActions.Awaiting(() => other.OpenAsync(Cancel)).Should().ThrowAsync<NpgsqlException>();

        (await FluentActions.Awaiting(() => WireConnection.OpenAsync(connectionString, "test", replication: true, Cancel)).Should()
            .ThrowAsync<Exception>()).WithMessage(sentence);
    }

    [Fact]
    public async Task A_password_that_is_nowhere_is_told()
    {
        using var empty = new TemporaryFolder();
        var passfile = Path.Combine(empty.Path, "passfile");
        await File.WriteAllTextAsync(passfile, "elsewhere:*:*:*:secret\n", Cancel);

        await FluentActions.Awaiting(() => WireConnection.OpenAsync(
            server.ConnectionString($"Username=scram;Password=;Passfile={passfile}"), "test", replication: true, Cancel))
            .Should().ThrowAsync<InvalidOperationException>()
            .WithMessage(
                "PostgreSQL at localhost:* wants a password of scram, and there is none in the connection " +
                "string, in PGPASSWORD or in a password file.");
    }

    [Fact]
    public async Task A_server_without_tls_is_refused_where_it_is_demanded()
    {
        var database = await postgres.CreateDatabaseAsync(Cancel);

        await FluentActions.Awaiting(() =>
            WireConnection.OpenAsync(database.ConnectionString + ";SSL Mode=Require", "test", replication: true, Cancel))
            .Should().ThrowAsync<InvalidOperationException>()
            .WithMessage("PostgreSQL at localhost does not offer TLS, and the connection string demands it (SSL Mode=Require).");
    }

    [Theory]
    [InlineData("Username=scram;SSL Mode=Disable;Channel Binding=Require",
        "ConnectionStrings:shop says Channel Binding=Require, and the connection is without TLS: say SSL Mode=Require.")]
    [InlineData("Username=plain;SSL Mode=Require;Channel Binding=Require", "*asks plain for a password without it.")]
    [InlineData("Username=certified;SSL Mode=Require;SSL Certificate=@client.crt;SSL Key=@client.key;Channel Binding=Require",
        "*lets certified in without it.")]
    public async Task Channel_binding_that_is_demanded_is_not_done_without(string settings, string sentence) =>
        (await FluentActions.Awaiting(() => WireConnection.OpenAsync(server.ConnectionString(settings), "test", replication: true, Cancel))
            .Should().ThrowAsync<InvalidOperationException>()).WithMessage(sentence);

    [Fact]
    public async Task A_password_that_changes_is_asked_for_at_each_connect()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "token");
        var source = new SourceServer(DatabasePassword.Strip(
            server.ConnectionString("Username=scram;SSL Mode=Require;Channel Binding=Require")), new DatabasePassword($"cat '{file}'"));

        await File.WriteAllTextAsync(file, "yesterday's\n", Cancel);
        await FluentActions.Awaiting(() => source.OpenAsync("test", replication: true, Cancel)).Should().ThrowAsync<WireException>()
            .WithMessage("password authentication failed*");

        await File.WriteAllTextAsync(
            file, new NpgsqlConnectionStringBuilder(server.ConnectionString("Username=scram")).Password + "\n", Cancel);
        await using (await source.OpenAsync("test", replication: true, Cancel))
        {
        }

        await using var pool = Pool(source);
        await using (await pool.OpenConnectionAsync(Cancel))
        {
        }

        await FluentActions.Awaiting(() => new DatabasePassword("echo none >&2; exit 3").AskAsync(Cancel)).Should()
            .ThrowAsync<InvalidOperationException>()
            .WithMessage("The command of Database__PasswordCommand ended with 3 and no password: none");

        static NpgsqlDataSource Pool(SourceServer source)
        {
            var builder = new NpgsqlDataSourceBuilder(source.ConnectionString);
            source.Password!.ApplyTo(builder);
            return builder.Build();
        }
    }

    [Theory]
    [InlineData("@dead,localhost:@port")]
    [InlineData("localhost:@port,@dead")]
    [InlineData("@dead, localhost:@port;Target Session Attributes=primary")]
    [InlineData("@dead,localhost;Target Session Attributes=read-write")]
    [InlineData("@dead,localhost;Target Session Attributes=any")]
    public async Task Of_several_hosts_the_first_that_answers_is_taken(string hosts)
    {
        var settings = server.ConnectionString("Username=scram;Host=" + hosts.Replace("@dead", $"localhost:{FreePort.Next()}"));

        await using var connection = await WireConnection.OpenAsync(settings, "test", replication: true, Cancel);

        (await connection.QueryAsync("SELECT current_user", Cancel))[0][0].Should().Be("scram");
    }

    [Fact]
    public async Task Where_none_of_several_hosts_answers_each_is_named()
    {
        var (first, second) = (FreePort.Next(), FreePort.Next());

        await FluentActions.Awaiting(() => WireConnection.OpenAsync(
            server.ConnectionString($"Username=scram;Host=localhost:{first},localhost:{second}"), "test", replication: true, Cancel))
            .Should().ThrowAsync<InvalidOperationException>()
            .WithMessage(
                $"None of localhost:{first}, localhost:{second} is a primary that answers. PostgreSQL at localhost:{first}: " +
                $"*refused*PostgreSQL at localhost:{second}: *refused*");
    }

    [Fact]
    public async Task Of_several_hosts_a_standby_cannot_be_asked_for() =>
        await FluentActions.Awaiting(() => WireConnection.OpenAsync(
            server.ConnectionString("Username=scram;Host=a,b;Target Session Attributes=standby"), "test", replication: true, Cancel))
            .Should().ThrowAsync<ArgumentException>().WithMessage("*Target Session Attributes=standby*changes are read from the primary*");

    [Fact]
    public async Task The_processor_streams_over_verified_tls_with_root_and_password_from_its_environment()
    {
        await using var shop = await Store.CreateAsync(Task.FromResult(
            new TestDatabase("shop", server.ConnectionString("Username=postgres"))), clickhouse.CreateDatabaseAsync(Cancel), Cancel);
        await shop.ExecuteAsync("INSERT INTO customer (email, name, country, city) VALUES ('a', 'b', 'c', 'd')", Cancel);
        var connectionString = server.ConnectionString("Username=postgres;Password=;SSL Mode=VerifyFull");
        await using var processor = GuardedProcess.Start(
            ["dotnet", Repository.ProgramOf("CdcProcessor"), .. shop.Arguments, "--ConnectionStrings:shop", connectionString],
            new Dictionary<string, string> { ["PGSSLROOTCERT"] = server.File("root.crt"), ["PGPASSFILE"] = server.File("passfile") },
            line => shop.Log.Add(line));

        await shop.AssertStarEqualsJoinAsync(Cancel);
        (await shop.Postgres.ScalarAsync<bool>("SELECT bool_and(ssl) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)", Cancel))
            .Should().BeTrue();
    }

    /// <summary>A PostgreSQL with TLS and a login of every kind.</summary>
    public sealed class SecureServer : IAsyncLifetime
    {
        private readonly TemporaryFolder _folder = new();
        private OwnPostgres _server = null!;

        public async ValueTask InitializeAsync()
        {
            WriteCertificates();
            await System.IO.File.WriteAllTextAsync(File("pg_hba.conf"), """
                host      all plain     all password
                host      all md5       all md5
                host      all rejected  all reject
                hostssl   all onlytls   all scram-sha-256
                host      all onlytls   all reject
                hostnossl all onlyplain all scram-sha-256
                host      all onlyplain all reject
                hostssl   all certified all cert
                host      all certified all reject
                host      all all       all scram-sha-256
                """);
            _server = await PostgresServer.StartOwnAsync(CancellationToken.None, new Dictionary<string, string>
            {
                ["ssl"] = "on",
                ["ssl_cert_file"] = File("server.crt"),
                ["ssl_key_file"] = File("server.key"),
                ["ssl_ca_file"] = File("root.crt"),
                ["hba_file"] = File("pg_hba.conf"),
            });
            var database = new TestDatabase("shop", _server.ConnectionString);
            foreach (var role in (string[])["plain", "rejected", "onlytls", "onlyplain", "certified", "scram"])
                await database.ExecuteAsync($"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'secret'", CancellationToken.None);
            await database.ExecuteAsync("CREATE ROLE colon LOGIN REPLICATION PASSWORD 'a:b\\c'", CancellationToken.None);
            await database.ExecuteAsync(
                "SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN REPLICATION PASSWORD 'secret'", CancellationToken.None);
            await System.IO.File.WriteAllTextAsync(
                File("passfile"),
                "# a comment\nelsewhere:*:*:*:wrong\nlocalhost:*:shop:postgres:postgres\n" +
                "localhost:*:*:colon:a\\:b\\\\c\nlocalhost:*:*:*:secret\n");
        }

        public string File(string name) => Path.Combine(_folder.Path, name);

        /// <summary>To this server; <c>@root</c> and its like stand for the certificates.</summary>
        public string ConnectionString(string settings)
        {
            var own = new NpgsqlConnectionStringBuilder(_server.ConnectionString);
            var given = settings.Replace("@port", $"{own.Port}").Replace("@root", File("root.crt")).Replace("@other", File("other.crt"))
                .Replace("@client", File("client")).Replace("@passfile", File("passfile"));
            var result = new NpgsqlConnectionStringBuilder($"Host=localhost;Port={own.Port};Database=shop;{given}");
            if (result.Password is null && !settings.Contains("Password="))
                result.Password = result.Username == "postgres" ? "postgres" : "secret";
            if (result.Password is "")
                result.Password = null;
            return result.ConnectionString;
        }

        public async ValueTask DisposeAsync()
        {
            await _server.DisposeAsync();
            _folder.Dispose();
        }

        private void WriteCertificates()
        {
            using var root = Authority("Root");
            using var other = Authority("Other");
            System.IO.File.WriteAllText(File("root.crt"), root.ExportCertificatePem());
            System.IO.File.WriteAllText(File("other.crt"), other.ExportCertificatePem());
            Issue(root, "server", "localhost");
            Issue(root, "client", "certified");
        }

        private static X509Certificate2 Authority(string name)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        }

        private void Issue(X509Certificate2 root, string file, string name)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
            using var certificate = request.Create(
                root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddHours(20), RandomNumberGenerator.GetBytes(8));
            System.IO.File.WriteAllText(File(file + ".crt"), certificate.ExportCertificatePem());
            System.IO.File.WriteAllText(File(file + ".key"), key.ExportPkcs8PrivateKeyPem());
            if (!OperatingSystem.IsWindows())
                System.IO.File.SetUnixFileMode(File(file + ".key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }
}
