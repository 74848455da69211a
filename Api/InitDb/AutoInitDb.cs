using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary><c>AUTO_INIT_DB=true</c> does the work of <c>init-db</c> at start, in development only.</summary>
internal static partial class AutoInitDb
{
    public static async Task RunAsync(WebApplication app, CancellationToken cancellation = default)
    {
        if (!app.Configuration.GetValue("AUTO_INIT_DB", false)) return;
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(AutoInitDb));
        if (!app.Environment.IsDevelopment())
        {
            LogIgnored(log, app.Environment.EnvironmentName);
            return;
        }
        await using var scope = app.Services.CreateAsyncScope();
        try
        {
            var database = scope.ServiceProvider.GetRequiredService<ShopDatabase>();
            var repairs = await database.InitializeAsync(cancellation);
            await database.MakeTriggersAsync(cancellation);
            LogReady(log, repairs.Count);
        }
        // By itself, or in EF Core's words around it.
        catch (Exception e) when ((e as NpgsqlException ?? e.InnerException as NpgsqlException) is { } refusal)
        {
            throw new InitDbException(
                $"AUTO_INIT_DB: {refusal.Message}. Start PostgreSQL, or set ConnectionStrings__{ShopApi.ConnectionName}.", e);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "The database is ready ({Repairs} things were made or repaired)")]
    private static partial void LogReady(ILogger log, int repairs);

    [LoggerMessage(2, LogLevel.Warning, "AUTO_INIT_DB is for development and is ignored in {Environment}: run init-db")]
    private static partial void LogIgnored(ILogger log, string environment);
}
