using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>An embedded ClickHouse of one contender and round: same folder and port over restarts.</summary>
internal sealed class ClickHouseServer(string name, string dataFolder, string library, Action<string> log) : IAsyncDisposable
{
    public const string Database = "local";

    private const string Username = "panda", Password = "pandapass";

    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);

    private readonly int _port = FreePort.Next();
    private BuiltProgram? _program;
    private HttpClient? _http;

    public string ConnectionString => $"Host=localhost;Port={_port};Username={Username};Password={Password};Database={Database}";

    /// <summary>The running server's process id.</summary>
    public Task<int> Pid => _program!.Pid;

    /// <summary>Starts the server and returns when it answers.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _program = BuiltProgram.Start("EmbeddedClickHouse", [], new()
        {
            ["ASPNETCORE_URLS"] = $"http://localhost:{_port}",
            ["EmbeddedClickHouse__Library"] = library,
            ["EmbeddedClickHouse__Data"] = dataFolder,
            ["EmbeddedClickHouse__Username"] = Username,
            ["EmbeddedClickHouse__Password"] = Password,
            ["EmbeddedClickHouse__Database"] = Database,
            ["EmbeddedClickHouse__Sources"] = "POSTGRES", // MaterializedPostgreSQL reads from there
        }, line => log($"{name}: {line}"));
        _http = new HttpClient { BaseAddress = new Uri($"http://localhost:{_port}"), Timeout = TimeSpan.FromMinutes(5) };
        _http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Username}:{Password}")));
        await _program.UntilAsync(AnswersAsync, "to answer /ping", StartDeadline, cancellationToken);

        async Task<bool> AnswersAsync()
        {
            try
            {
                return (await _http.GetAsync("/ping", cancellationToken)).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }
    }

    /// <summary>Makes a model's tables in the database <see cref="Database"/>.</summary>
    public async Task MigrateAsync(string model, CancellationToken cancellationToken)
    {
        await QueryAsync($"CREATE DATABASE IF NOT EXISTS {Database}", cancellationToken, "default");
        await using var migrator = BuiltProgram.Start("ClickHouseMigrator", [],
            new() { ["ConnectionStrings__clickhouse"] = ConnectionString, ["Cdc__Model"] = model }, log);
        await migrator.SucceededAsync(cancellationToken);
    }

    /// <summary>The answer in TabSeparated form, without the last line's end.</summary>
    public async Task<string> QueryAsync(
        string sql, CancellationToken cancellationToken, string database = Database, string? settings = null)
    {
        using var content = new StringContent(sql);
        using var response = await _http!.PostAsync($"/?database={database}&{settings}", content, cancellationToken);
        var answer = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? answer.TrimEnd('\n') : throw new BenchmarkException($"{name} refused a query: {answer}");
    }

    /// <summary>Whether a query counts at least this many rows; a table that is not there yet counts none.</summary>
    public async Task<bool> CountsAsync(string sql, long atLeast, CancellationToken cancellationToken)
    {
        try
        {
            return long.Parse(await QueryAsync(sql, cancellationToken), CultureInfo.InvariantCulture) >= atLeast;
        }
        catch (BenchmarkException e) when (e.Message.Contains("Code: 60", StringComparison.Ordinal)
            || e.Message.Contains("Code: 81", StringComparison.Ordinal))
        {
            return false;
        }
    }

    public async Task StopAsync()
    {
        if (_program is not null)
            await _program.DisposeAsync();
        _program = null;
        _http?.Dispose();
        _http = null;
    }

    public async ValueTask DisposeAsync() => await StopAsync();
}
