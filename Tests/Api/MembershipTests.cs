using AspireCdc.Api.InitDb;
using AspireCdc.AppHost.Doctor;
using AspireCdc.Tests.AppHost.Doctor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Api;

/// <summary>
/// A server as Amazon RDS and Aurora set it up: nobody is a superuser, nobody may set REPLICATION, and a role's members may replicate.
/// Roles belong to the whole server, so this one is the test's own.
/// </summary>
public sealed class MembershipTests
{
    private const string MayNotReplicate = "may not log in and replicate";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Timeout = 240_000)]
    public async Task Where_replication_is_given_by_membership_that_is_granted_and_is_enough()
    {
        await using var server = await PostgresServer.StartOwnAsync(Cancel);
        var superuser = new TestDatabase("shop", server.ConnectionString);
        await superuser.ExecuteAsync(
            """
            CREATE ROLE rds_replication NOLOGIN;
            CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'master';
            GRANT rds_replication TO master WITH ADMIN OPTION;
            ALTER DATABASE shop OWNER TO master;
            """, Cancel);
        var master = server.ConnectionString + ";Username=master;Password=master";
        var patient = ExaminedTests.Of(server.ConnectionString) with { Names = new(Role: "cdc_shop") };

        var (exitCode, output) = await RunAsync(master);

        exitCode.Should().Be(0, output);
        (await superuser.ScalarAsync<bool>(
            "SELECT rolcanlogin AND NOT rolreplication AND pg_has_role(oid, 'rds_replication', 'MEMBER') FROM pg_roles " +
            "WHERE rolname = 'cdc_shop'", Cancel)).Should().BeTrue();
        (await RunAsync(master, "--check")).Should().Be((0, "✅ The database is as it should be." + Environment.NewLine));
        (await RoleAsync()).Should().Be("may replicate");

        await superuser.ExecuteAsync("REVOKE rds_replication FROM cdc_shop GRANTED BY master", Cancel);

        (await RunAsync(master, "--check")).Output.Should().Contain(MayNotReplicate);
        (await RoleAsync()).Should().Be("role cdc_shop lacks REPLICATION");
        (await RunAsync(master)).Output.Should().Contain($"done: role cdc_shop {MayNotReplicate}");
        (await RunAsync(master, "--check")).ExitCode.Should().Be(0);

        async Task<string> RoleAsync() =>
            (await PostgresChecks.ExamineAsync(patient, Cancel)).Single(finding => finding.Check == "role").Says;
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string connectionString, params string[] args)
    {
        await using var app = ApiServer.Create(connectionString, "shop");
        var output = new StringWriter();
        return (await InitDbCommand.RunAsync(app.Services, args, TextReader.Null, output, Cancel), output.ToString());
    }
}
