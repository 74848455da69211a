using System.Diagnostics;

namespace AspireCdc.ServiceDefaults;

/// <summary>
/// Spans of ClickHouse's statements, by OpenTelemetry's conventions for databases: <c>INSERT order_landing</c> instead of an HTTP request.
/// </summary>
public static class ClickHouseActivity
{
    private static readonly ActivitySource Source = new("AspireCdc.ClickHouse");

    /// <summary>Begins the span of a statement; null where nobody traces, and then it costs nothing.</summary>
    public static Activity? Start(ClickHouseEndpoint server, string sql)
    {
        if (Activity.Current is not { Recorded: true } || !Source.HasListeners())
            return null;

        var (operation, table) = StatementSummary.Of(sql);
        var activity = Source.StartActivity(table is null ? operation : $"{operation} {table}", ActivityKind.Client);
        activity?.SetTag("db.system.name", "clickhouse")
            .SetTag("db.namespace", server.Database)
            .SetTag("db.operation.name", operation)
            .SetTag("db.collection.name", table)
            .SetTag("server.address", server.Address.Host)
            .SetTag("server.port", server.Address.Port);
        return activity;
    }

    /// <summary>Says that the statement has failed.</summary>
    /// <param name="activity">Its span, if it has one.</param>
    /// <param name="code">ClickHouse's number of the error, or what else tells one from another.</param>
    public static void Fail(this Activity? activity, string code) =>
        activity?.SetTag("error.type", code).SetStatus(ActivityStatusCode.Error);
}
