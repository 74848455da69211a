using System.Text.Json;
using AspireCdc.AppHost;
using AspireCdc.AppHost.Doctor;
using AspireCdc.ServiceDefaults;
using AspireCdc.Star.Types;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.Extensions.Configuration;
using Npgsql;
using Xunit;
using static AspireCdc.Tests.Fixtures.Mapped;

namespace AspireCdc.Tests.AppHost.Doctor;

/// <summary>What the doctor examines is what the programs would use: by the same settings, whatever the model and the server.</summary>
public sealed class ExaminedTests(PostgresServer postgres) : IDisposable
{
    private readonly TemporaryFolder _state = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _state.Dispose();

    [Theory]
    [InlineData("ConnectionStrings:shop")]
    [InlineData("DATABASE_URL")]
    public void A_connection_string_may_be_a_URL(string setting)
    {
        var patient = From(
            (setting, "postgres://ada:se%40cret@db.example:6543/store?sslmode=require"),
            ("ConnectionStrings:clickhouse", "https://panda:pass@ch.example:8444/star"));

        var shop = new NpgsqlConnectionStringBuilder(patient.Shop);
        shop.Host.Should().Be("db.example");
        shop.Port.Should().Be(6543);
        shop.Username.Should().Be("ada");
        shop.Password.Should().Be("se@cret");
        shop.Database.Should().Be("store");
        shop.SslMode.Should().Be(SslMode.Require);
        patient.ClickHouse.Should().Be(new ClickHouseEndpoint(new("https://ch.example:8444/"), "star", "panda", "pass"));
    }

    [Fact]
    public void Names_are_those_that_are_configured()
    {
        From(("Cdc:Slot", "mine"), ("Cdc:Publication", "ours")).Names.Should().Be(new CdcNames("ours", "mine", "cdc"));
        From(("Cdc:Role", "reader")).Names.Should().Be(new CdcNames("redpanda_cdc_publication", "redpanda_cdc_slot", "reader"));
    }

    [Fact]
    public async Task A_running_stack_tells_its_names_and_addresses()
    {
        using var running = StackState.Take(_state.Path, reset: false);
        running.Describe = now => now with { Shop = "Host=there", Api = "http://there:1", Names = new(Slot: "its_own") };
        await running.StartedAsync(Cancel);

        var patient = From(("DATABASE_URL", "postgres://elsewhere/shop"), ("Cdc:Role", "reader"));

        patient.Shop.Should().Be("Host=there");
        patient.Api.Should().Be(new Uri("http://there:1"));
        patient.Names.Should().Be(new CdcNames(Slot: "its_own", Role: "reader"));
    }

    [Theory]
    [InlineData("--ConnectionStrings:shop=mysql://db/shop", "ConnectionStrings__shop: The database URL begins with neither*")]
    [InlineData("--ConnectionStrings:clickhouse=ftp://ch/star", "ConnectionStrings__clickhouse says ftp,*")]
    public async Task One_that_cannot_be_read_is_told_by_its_setting(string argument, string sentence) =>
        await FluentActions.Awaiting(() => DoctorCommand.RunAsync([argument, "--state", _state.Path], TextWriter.Null, Cancel))
            .Should().ThrowAsync<AppHostException>().WithMessage(sentence);

    [Fact(Timeout = SharedStack.Deadline)]
    public async Task The_command_takes_servers_and_names_as_options()
    {
        var database = await postgres.CreateDatabaseAsync(Cancel);
        var server = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        using var output = new StringWriter();

        var exitCode = await DoctorCommand.RunAsync(
        [
            "--json", "--state", _state.Path, "--Cdc:Slot=mine", "--Cdc:Publication", "ours", "--Cdc:Role=reader",
            $"--ConnectionStrings:shop=postgres://{server.Username}:{server.Password}@{server.Host}:{server.Port}/{database.Name}",
        ], output, Cancel);

        exitCode.Should().Be(1);
        var said = JsonElement.Parse(output.ToString()).GetProperty("findings").EnumerateArray()
            .Where(finding => finding.GetProperty("part").GetString() == "postgres")
            .ToLookup(finding => finding.GetProperty("check").GetString(), finding => finding.GetProperty("says").GetString());
        said["answers"].Should().ContainSingle().Which.Should().StartWith($"{server.Host}:{server.Port}, PostgreSQL ");
        said["slot"].Should().Equal("there is no replication slot mine");
        said["publication"].Should().Equal("there is no publication ours");
        said["role"].Should().Equal("there is no role reader");
    }

    [Fact]
    public async Task Append_only_tables_are_looked_for_in_their_own_publication()
    {
        var database = await postgres.CreateDatabaseAsync(Cancel);
        await database.ExecuteAsync(
            """
            CREATE TABLE person (id int PRIMARY KEY);
            CREATE TABLE visit (url text);
            CREATE PUBLICATION redpanda_cdc_publication FOR TABLE person;
            CREATE PUBLICATION redpanda_cdc_publication_append_only FOR TABLE visit WITH (publish = 'insert');
            """, Cancel);
        var patient = Of(database.ConnectionString) with
        {
            Model = new(
                [Table("person", Key("id", ColumnType.Int32)), Table("visit", Column("url", ColumnType.String)) with { AppendOnly = true }],
                []),
        };

        (await IllAsync()).Should().BeEmpty();
        await database.ExecuteAsync("ALTER PUBLICATION redpanda_cdc_publication_append_only SET (publish = 'insert, update')", Cancel);
        (await IllAsync()).Should().Equal("publication redpanda_cdc_publication_append_only publishes more than inserts, or none");
        await database.ExecuteAsync(
            """
            ALTER PUBLICATION redpanda_cdc_publication_append_only SET (publish = 'insert');
            ALTER PUBLICATION redpanda_cdc_publication_append_only SET TABLE person;
            """, Cancel);
        (await IllAsync()).Should().Equal("publication redpanda_cdc_publication_append_only lacks \"public\".\"visit\"");
        await database.ExecuteAsync("DROP PUBLICATION redpanda_cdc_publication_append_only", Cancel);
        (await IllAsync()).Should().Equal("there is no publication redpanda_cdc_publication_append_only");

        async Task<IEnumerable<string>> IllAsync() => (await PostgresChecks.ExamineAsync(patient, Cancel))
            .Where(finding => finding is { Verdict: Verdict.Ill, Check: "publication" or "published tables" or "replica identity" })
            .Select(finding => finding.Says);
    }

    [Theory]
    [InlineData("echo postgres", true, "PostgreSQL 1")]
    [InlineData("echo another", false, "does not let postgres in")]
    [InlineData("echo no token >&2; exit 3", false, "Database__PasswordCommand ended with 3 and no password: no token")]
    public async Task The_password_may_come_from_a_command(string command, bool isWell, string says)
    {
        var database = await postgres.CreateDatabaseAsync(Cancel);
        var patient = From(
            ("ConnectionStrings:shop", DatabasePassword.Strip(database.ConnectionString)), ("Database:PasswordCommand", command));

        var answers = (await PostgresChecks.ExamineAsync(patient, Cancel)).First();

        answers.Verdict.Should().Be(isWell ? Verdict.Well : Verdict.Ill, answers.Says);
        answers.Says.Should().Contain(says);
    }

    /// <summary>Views without the columns that came with PostgreSQL 15 to 18 stand before the server's own.</summary>
    [Fact]
    public async Task A_server_of_PostgreSQL_14_can_be_asked()
    {
        var database = await postgres.CreateDatabaseAsync(Cancel);
        await database.ExecuteAsync(
            """
            CREATE SCHEMA before;
            DO $$ BEGIN EXECUTE (SELECT format('CREATE VIEW before.pg_replication_slots AS SELECT %s FROM pg_catalog.pg_replication_slots',
                    string_agg(attname, ', '))
                FROM pg_attribute WHERE attrelid = 'pg_catalog.pg_replication_slots'::regclass AND attnum > 0 AND attname NOT IN
                    ('two_phase_at', 'inactive_since', 'conflicting', 'invalidation_reason', 'failover', 'synced')); END $$;
            """, Cancel);
        var slot = $"slot_{database.Name}";
        await database.ExecuteAsync($"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')", Cancel);
        try
        {
            var patient = Of(database.ConnectionString + ";Search Path=before,pg_catalog,public") with { Names = new(Slot: slot) };

            var findings = await PostgresChecks.ExamineAsync(patient, Cancel);

            findings.Should().NotContain(finding => finding.Says.Contains("cannot be asked"));
            findings.Single(finding => finding.Check == "slot's log").Verdict.Should().Be(Verdict.Well);
            findings.Single(finding => finding.Check == "slot's reader").Says.Should().StartWith($"nobody reads from slot {slot}");
        }
        finally
        {
            await database.ExecuteAsync($"SELECT pg_drop_replication_slot('{slot}')", Cancel);
        }
    }

    private Patient From(params (string Name, string Value)[] settings) => Patient.From(new ConfigurationBuilder()
        .AddInMemoryCollection(settings.Append(("state", _state.Path)).ToDictionary(
            setting => setting.Item1, setting => (string?)setting.Item2)).Build());

    /// <summary>The server alone.</summary>
    internal static Patient Of(string connectionString) => new(
        Path.GetTempPath(), IsRunning: true, new Ports(configuration: null), connectionString,
        new ClickHouseEndpoint(new("http://localhost:1"), "local", "panda", ""), new("http://localhost:1"), new("http://localhost:1"))
    {
        Model = Store.Own,
        PostgresMigrations = [],
        ClickHouseMigrations = [],
    };
}
