using System.Diagnostics;

namespace AspireCdc.ServiceDefaults;

/// <summary>
/// Spans of ClickHouse's statements, by OpenTelemetry's conventions for databases: <c>INSERT order_landing</c> instead of an HTTP request.
/// </summary>
public static class ClickHouseActivity
{
    private static readonly ActivitySource Source = new("AspireCdc.ClickHouse");

    /// <summary>The words behind which a statement names what it is about.</summary>
    private static readonly string[] Introductions = ["INTO", "FROM", "TABLE", "TABLES", "VIEW", "DATABASE"];

    /// <summary>Begins the span of a statement; null where nobody traces, and then it costs nothing.</summary>
    public static Activity? Start(ClickHouseEndpoint server, string sql)
    {
        if (Activity.Current is not { Recorded: true } || !Source.HasListeners())
            return null;

        var (operation, table) = Summarize(sql);
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

    /// <summary>What a statement does, and to which table.</summary>
    public static (string Operation, string? Table) Summarize(ReadOnlySpan<char> sql)
    {
        string? operation = null;
        var isNamed = false;
        foreach (var range in sql.SplitAny(" \t\r\n(),"))
        {
            var word = sql[range];
            if (word.IsEmpty)
                continue;
            operation ??= word is "WITH" ? "SELECT" : word.ToString().ToUpperInvariant();
            if (word is "SELECT")
                isNamed = false; // of a query in the place of a table
            else if (isNamed && word is not ("IF" or "EXISTS" or "NOT"))
                return (operation, word.ToString().Replace("`", "", StringComparison.Ordinal));
            foreach (var introduction in Introductions)
                isNamed |= word.SequenceEqual(introduction);
        }
        return (operation ?? "", null);
    }
}
