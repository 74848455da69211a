using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;

[assembly: Xunit.AssemblyFixture(typeof(ClickHouseServer))]

namespace AspireCdc.Tests.Fixtures;

/// <summary>
/// One ClickHouse (the embedded one, as a process of its own) for all tests, started when the first test asks for it; every test makes
/// databases of its own in it. A test that stops or breaks a server starts its own with <see cref="StartOwnAsync"/>.
/// </summary>
public sealed class ClickHouseServer : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1);
    private OwnClickHouse? _server;

    /// <summary>A new, empty database.</summary>
    public async Task<TestClickHouse> CreateDatabaseAsync(CancellationToken cancellationToken)
    {
        var server = await StartedAsync(cancellationToken);
        return await server.CreateDatabaseAsync("test_" + Guid.NewGuid().ToString("N")[..12], cancellationToken);
    }

    /// <summary>A server that belongs to one test, which may stop, kill and restart it.</summary>
    internal static async Task<OwnClickHouse> StartOwnAsync(CancellationToken cancellationToken, string? folder = null)
    {
        var server = new OwnClickHouse(folder);
        await server.StartAsync(cancellationToken);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _starting.Dispose();
    }

    private async Task<OwnClickHouse> StartedAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            return _server ??= await StartOwnAsync(cancellationToken);
        }
        finally
        {
            _starting.Release();
        }
    }
}

/// <summary>A ClickHouse database of one test.</summary>
/// <param name="Address">The server's HTTP address.</param>
/// <param name="Name">The database's name.</param>
public sealed record TestClickHouse(Uri Address, string Name)
{
    public const string Username = "panda", Password = "pandapass";

    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromMinutes(30) };

    /// <summary>As ClickHouse.Driver and the projects here take it.</summary>
    public string ConnectionString => $"Host={Address.Host};Port={Address.Port};Username={Username};Password={Password};Database={Name}";

    /// <summary>Runs one statement as the served user, and returns what it answers: TabSeparated where it names no format.</summary>
    public async Task<string> QueryAsync(string sql, CancellationToken cancellationToken)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Post, new Uri(Address, $"/?database={Name}")) { Content = new StringContent(sql) };
        request.Headers.Authorization =
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Username}:{Password}")));
        using var response = await Http.SendAsync(request, cancellationToken);
        var answer = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? answer : throw new InvalidOperationException(answer);
    }
}

/// <summary>A ClickHouse server of one test: same folder and port over restarts.</summary>
/// <param name="folder">Where it keeps its tables; by default a folder that goes with it.</param>
internal sealed class OwnClickHouse(string? folder = null) : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromMinutes(3);

    private readonly TemporaryFolder _folder = new();
    private GuardedProcess? _process;

    /// <summary>The HTTP address.</summary>
    public Uri Address { get; } = new($"http://localhost:{FreePort.Next()}");

    /// <summary>The database that is served where a request names none.</summary>
    public string Database { get; init; } = "default";

    /// <summary>What queries may reach outside of the server.</summary>
    public string Sources { get; init; } = "";

    /// <summary>The server's levels of logging, beside the default ones.</summary>
    public string? LogLevel { get; init; }

    /// <summary>The folder that keeps the tables.</summary>
    public string Data => Path.Combine(folder ?? _folder.Path, "data");

    /// <summary>The server's log so far.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Starts the server, also after <see cref="StopAsync"/> or <see cref="KillAsync"/>.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var binaries = await Repository.BinariesAsync(cancellationToken);
        _process = GuardedProcess.Start(
            ["dotnet", Repository.ProgramOf("EmbeddedClickHouse")],
            new Dictionary<string, string>
            {
                ["ASPNETCORE_URLS"] = Address.ToString(),
                ["EmbeddedClickHouse__Library"] = binaries.ChDbLibrary,
                ["EmbeddedClickHouse__Data"] = Data,
                ["EmbeddedClickHouse__Username"] = TestClickHouse.Username,
                ["EmbeddedClickHouse__Password"] = TestClickHouse.Password,
                ["EmbeddedClickHouse__Database"] = Database,
                ["EmbeddedClickHouse__Sources"] = Sources,
                ["Logging__LogLevel__AspireCdc"] = LogLevel ?? "Information",
            },
            Log.Enqueue);
        using var http = new HttpClient { BaseAddress = Address };
        await Wait.UntilAsync(
            async () =>
            {
                if (_process.Exited.IsCompleted)
                    throw new InvalidOperationException("EmbeddedClickHouse ended: " + string.Join(Environment.NewLine, Log));
                try
                {
                    return (await http.GetAsync("/ping", cancellationToken)).IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            "EmbeddedClickHouse to answer /ping", cancellationToken, StartDeadline);
    }

    /// <summary>A new, empty database.</summary>
    public async Task<TestClickHouse> CreateDatabaseAsync(string name, CancellationToken cancellationToken)
    {
        await new TestClickHouse(Address, "default").QueryAsync($"CREATE DATABASE {name}", cancellationToken);
        return new TestClickHouse(Address, name);
    }

    /// <summary>SIGSTOP: it neither answers nor refuses until <see cref="ThawAsync"/>.</summary>
    public async Task FreezeAsync() => await Signal.SendAsync("STOP", await _process!.Pid);

    public async Task ThawAsync() => await Signal.SendAsync("CONT", await _process!.Pid);

    /// <summary>SIGTERM: a graceful stop.</summary>
    public Task StopAsync() => _process!.StopAsync();

    /// <summary>SIGKILL: a crash.</summary>
    public Task KillAsync() => _process!.KillAsync();

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        _folder.Dispose();
    }
}
