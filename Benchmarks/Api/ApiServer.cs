using System.Globalization;
using System.Net;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Benchmarks.Machine;
using Npgsql;

namespace AspireCdc.Benchmarks.Api;

/// <summary>PostgreSQL with its tables and some customers, and the API as a process of its own.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    public const int Customers = 10_000;

    private readonly EmbeddedPostgres _postgres;
    private readonly string _dataFolder;
    private BuiltProgram? _api;

    private ApiServer(EmbeddedPostgres postgres, string dataFolder) => (_postgres, _dataFolder) = (postgres, dataFolder);

    public int Port { get; } = FreePort.Next();

    public int ApiProcess => _api!.Pid.Result;

    public int PostgresProcess =>
        int.Parse(File.ReadLines(Path.Combine(_dataFolder, "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    public NpgsqlConnectionStringBuilder Postgres => new(_postgres.ConnectionString);

    public static async Task<ApiServer> StartAsync(EmbeddedBinaries binaries, TemporaryFolder folder, CancellationToken cancellationToken)
    {
        var options = new EmbeddedPostgresOptions { DataFolder = folder.Of("postgres"), Port = FreePort.Next() };
        var server = new ApiServer(await EmbeddedPostgres.StartAsync(binaries, options, _ => { }, cancellationToken), options.DataFolder);
        try
        {
            await server.StartAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_api is not null) await _api.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var environment = new Dictionary<string, string>
        {
            ["ConnectionStrings__shop"] = _postgres.ConnectionString,
            ["Cdc__Password"] = "cdc",
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{Port}",
            ["Logging__LogLevel__Default"] = "Warning",
        };
        await using (var initDb = BuiltProgram.Start("Api", ["init-db"], environment, _ => { }))
            await initDb.SucceededAsync(cancellationToken);
        await using (var source = NpgsqlDataSource.Create(_postgres.ConnectionString))
        await using (var fill = source.CreateCommand($"""
            INSERT INTO customer (email, name, country, city)
            SELECT 'customer' || n || '@example.com', 'Customer ' || n, 'Country ' || n % 40, 'City ' || n % 900
                FROM generate_series(1, {Customers}) n;
            ANALYZE customer
            """))
            await fill.ExecuteNonQueryAsync(cancellationToken);

        _api = BuiltProgram.Start("Api", [], environment, _ => { });
        using var client = new HttpClient();
        await _api.UntilAsync(async () =>
        {
            try
            {
                return (await client.GetAsync($"http://127.0.0.1:{Port}/ready", cancellationToken)).StatusCode == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, "to be ready", TimeSpan.FromSeconds(60), cancellationToken);
    }
}
