using System.Net;
using AspireCdc.Api.InitDb;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Microsoft.AspNetCore.Builder;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.Api;

/// <summary>A password that the cloud changes is asked for at each connect, by init-db and by the API's pool alike.</summary>
public sealed class ChangingPasswordTests(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task InitDb_and_the_api_connect_with_the_password_of_now()
    {
        var database = await postgres.CreateDatabaseAsync(Cancellation);
        using var folder = new TemporaryFolder();
        var token = Path.Combine(folder.Path, "token");
        var owner = $"owner_{database.Name}";
        await database.ExecuteAsync($"CREATE ROLE {owner} LOGIN SUPERUSER PASSWORD 'monday'", Cancellation);
        await File.WriteAllTextAsync(token, "monday\n", Cancellation);
        var connection = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = owner, Password = "of a year ago" };

        await using (var job = Create())
        {
            var output = new StringWriter();
            (await InitDbCommand.RunAsync(job.Services, [], TextReader.Null, output, Cancellation)).Should().Be(0, output.ToString());
        }

        await using var api = Create();
        using var client = await ApiServer.StartAsync(api);
        (await StatusAsync()).Should().Be(HttpStatusCode.OK);
        await database.ExecuteAsync($"ALTER ROLE {owner} PASSWORD 'tuesday'", Cancellation);
        await EndConnectionsAsync();
        await Wait.ForAsync(
            StatusAsync, status => status == HttpStatusCode.ServiceUnavailable, "the old password to be refused", Cancellation);
        await File.WriteAllTextAsync(token, "tuesday\n", Cancellation);
        await Wait.ForAsync(StatusAsync, status => status == HttpStatusCode.OK, "the new password to be taken", Cancellation);

        WebApplication Create() =>
            ApiServer.Create(connection.ConnectionString, database.Name, $"--Database:PasswordCommand=cat '{token}'");

        async Task<HttpStatusCode> StatusAsync() => (await client.GetAsync("/api/customers", Cancellation)).StatusCode;

        Task EndConnectionsAsync() => database.ExecuteAsync(
            $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{owner}'", Cancellation);
    }
}
