namespace AspireCdc.AppHost;

/// <summary>A database of one of the graph's servers. It is as its server is: started, healthy, ended.</summary>
/// <param name="name">Its name, which is that of its connection string, too.</param>
/// <param name="server">Where it is.</param>
/// <param name="connectionString">How to reach it.</param>
internal sealed class Database(string name, IResource server, ReferenceExpression connectionString)
    : Resource(name), IResourceWithConnectionString, IResourceWithParent
{
    public IResource Parent => server;

    public ReferenceExpression ConnectionStringExpression => connectionString;
}

internal static class Databases
{
    /// <summary>Shows a database below its server, and its server's state as its own.</summary>
    public static IResourceBuilder<Database> AddDatabase(
        this IDistributedApplicationBuilder builder, string name, IResource server, ReferenceExpression connectionString)
    {
        // Aspire asks a child's questions of its parents, too, so that their health checks are its own.
        return builder.AddResource(new Database(name, server, connectionString))
            .WithIconName("Database")
            .WithInitialState(new() { ResourceType = "Database", Properties = [], State = KnownResourceStates.NotStarted })
            .OnInitializeResource((database, start, cancellationToken) =>
            {
                _ = FollowAsync(database, start.Notifications, cancellationToken);
                return Task.CompletedTask;
            });
    }

    private static async Task FollowAsync(Database database, ResourceNotificationService notifications, CancellationToken cancellationToken)
    {
        string? known = null;
        await foreach (var change in notifications.WatchAsync(cancellationToken))
        {
            if (change.Resource != database.Parent || change.Snapshot.State is not { } state || state.Text == known)
                continue;
            known = state.Text;
            await notifications.PublishUpdateAsync(database, now => now with
            {
                State = state,
                StartTimeStamp = change.Snapshot.StartTimeStamp,
                StopTimeStamp = change.Snapshot.StopTimeStamp,
            });
        }
    }
}
