using System.Globalization;
using AspireCdc.ServiceDefaults;
using Spectre.Console;

namespace AspireCdc.AppHost.Sql;

/// <summary><c>AppHost sql postgres|clickhouse "SELECT …"</c>: asks a database of the running stack and
/// prints the answer as a table.</summary>
internal static class SqlCommand
{
    private const string Usage = "Usage: dotnet run --project AppHost -- sql postgres|clickhouse \"SELECT …\" [--state FOLDER]";

    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not [var database and ("postgres" or "clickhouse"), var sql, .. var options])
            throw new AppHostException(Usage);
        var folder = StackState.FolderOf(options switch
        {
            [] => null,
            ["--state", var chosen] => chosen,
            _ => throw new AppHostException(Usage),
        });
        if (StackState.FindRunning(folder) is not { } running)
            throw new AppHostException("The stack is not running. Start it with: dotnet run --project AppHost");
        if ((database == "postgres" ? running.Shop : running.ClickHouse) is not { } connectionString)
            throw new AppHostException(
                $"The stack is starting (AppHost, process {running.ProcessId}), and {database} does not answer yet. AppHost prints " +
                $"'{database}' with 'healthy' when it does; why it takes long, the dashboard has in its log.");

        if (database == "clickhouse")
        {
            await using var output = Console.OpenStandardOutput();
            await ClickHouseQuery.AskAsync(
                ClickHouseEndpoint.Parse(connectionString), sql, "PrettyCompact", output, CancellationToken.None);
            return 0;
        }

        // Lines stay whole, as wide as they are.
        AnsiConsole.Profile.Width = 10_000;
        await foreach (var answer in PostgresQuery.AskAsync(connectionString, sql, CancellationToken.None))
            Print(answer);
        return 0;
    }

    private static void Print(PostgresAnswer answer)
    {
        if (answer.Columns.Count == 0)
        {
            Console.WriteLine(answer.Affected >= 0 ? $"{answer.Affected} rows" : "done");
            return;
        }

        var table = new Table().Border(TableBorder.Square);
        foreach (var column in answer.Columns)
            table.AddColumn(new TableColumn(Markup.Escape(column)) { NoWrap = true });
        foreach (var row in answer.Rows)
            table.AddRow(row.Select(value => new Text(value ?? "NULL")));
        AnsiConsole.Write(table);
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"({answer.Rows.Count} {(answer.Rows.Count == 1 ? "row" : "rows")})"));
    }
}
