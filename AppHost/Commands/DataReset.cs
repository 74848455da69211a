using Microsoft.Extensions.DependencyInjection;

namespace AspireCdc.AppHost.Commands;

/// <summary>Runs <c>init-db --recreate</c> as the graph's own init-db: with its settings, and its console
/// log to read in the dashboard.</summary>
internal sealed class DataReset
{
    private readonly IResource _initDb;
    private readonly SemaphoreSlim _one = new(1);
    private bool _recreates;

    public DataReset(IResourceBuilder<ProjectResource> initDb)
    {
        _initDb = initDb.Resource;
        initDb.WithArgs(context =>
        {
            // The command has asked already; init-db itself could ask nobody.
            if (_recreates)
            {
                context.Args.Add("--recreate");
                context.Args.Add("--yes");
            }
        });
    }

    public async Task<ExecuteCommandResult> RunAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        _recreates = true;
        try
        {
            var before = DateTime.UtcNow;
            var toldBefore = (await LogAsync(services)).Count;
            var start = await services.GetRequiredService<ResourceCommandService>()
                .ExecuteCommandAsync(_initDb, KnownResourceCommands.StartCommand, cancellationToken);
            if (!start.Success)
                return start;
            var end = await services.GetRequiredService<ResourceNotificationService>().WaitForResourceAsync(
                _initDb.Name, change => change.Snapshot.StopTimeStamp > before
                    && KnownResourceStates.TerminalStates.Contains(change.Snapshot.State?.Text), cancellationToken);
            var told = (await LogAsync(services)).Skip(toldBefore).ToList();
            return end.Snapshot.ExitCode == 0
                ? CommandResults.Success(string.Join(' ', ["The shop is empty.", .. told.Where(IsWarning)]))
                : CommandResults.Failure($"init-db has failed: {told.LastOrDefault()}");
        }
        finally
        {
            _recreates = false;
            _one.Release();
        }
    }

    private static bool IsWarning(string line) => line.Contains('⚠');

    /// <summary>What init-db has printed, without the times before the lines.</summary>
    private async Task<List<string>> LogAsync(IServiceProvider services)
    {
        var lines = new List<string>();
        await foreach (var batch in services.GetRequiredService<ResourceLoggerService>().GetAllAsync(_initDb))
            lines.AddRange(batch.Select(line => line.Content[(line.Content.IndexOf(' ') + 1)..]));
        return lines;
    }
}
