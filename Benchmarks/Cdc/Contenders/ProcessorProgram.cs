using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>CdcProcessor as a child process on a free port.</summary>
internal sealed class ProcessorProgram : IAsyncDisposable
{
    private static readonly TimeSpan ReadyDeadline = TimeSpan.FromMinutes(2);

    private readonly BuiltProgram _program;
    private readonly HttpClient _http;

    private ProcessorProgram(BuiltProgram program, Uri address)
    {
        _program = program;
        _http = new HttpClient { BaseAddress = address };
    }

    public Task<int> Pid => _program.Pid;

    public Uri Address => _http.BaseAddress!;

    public static ProcessorProgram Start(Dictionary<string, string> environment, Action<string> log)
    {
        var address = $"http://localhost:{FreePort.Next()}";
        environment["ASPNETCORE_URLS"] = address;
        return new(BuiltProgram.Start("CdcProcessor", [], environment, log), new Uri(address));
    }

    /// <summary>Waits until it says that it is connected on both sides.</summary>
    public Task ReadyAsync(CancellationToken cancellationToken)
    {
        return _program.UntilAsync(IsReadyAsync, "to be ready", ReadyDeadline, cancellationToken);

        async Task<bool> IsReadyAsync()
        {
            try
            {
                return (await _http.GetAsync("/ready", cancellationToken)).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _program.DisposeAsync();
        _http.Dispose();
    }
}
