using System.Text;
using AspireCdc.AppHost.Sql;
using AspireCdc.ServiceDefaults;

namespace AspireCdc.AppHost.Commands;

/// <summary>What the dashboard offers for a database server: a statement, whose answer opens as a table.</summary>
internal static class SqlCommands
{
    public const string Sql = "sql";

    /// <summary>The input of <see cref="Sql"/>.</summary>
    public const string Statement = "statement";

    /// <summary>As many characters of an answer are shown; a page with more is of no use to anybody.</summary>
    private const int MostShown = 100_000;

    public static void WithPostgresSql(this IResourceBuilder<IResource> server, IResourceBuilder<IResourceWithConnectionString> database) =>
        server.WithSql(async (sql, cancellationToken) =>
        {
            var text = new StringBuilder();
            await foreach (var answer in PostgresQuery.AskAsync(
                (await database.Resource.GetConnectionStringAsync(cancellationToken))!, sql, cancellationToken))
                Write(answer, text);
            return text.ToString();
        });

    public static void WithClickHouseSql(
        this IResourceBuilder<IResource> server, IResourceBuilder<IResourceWithConnectionString> database) =>
        server.WithSql(async (sql, cancellationToken) =>
        {
            using var output = new MemoryStream();
            var server = ClickHouseEndpoint.Parse((await database.Resource.GetConnectionStringAsync(cancellationToken))!);
            await ClickHouseQuery.AskAsync(server, sql, "Markdown", output, cancellationToken);
            return output.Length > 0 ? Encoding.UTF8.GetString(output.GetBuffer(), 0, (int)output.Length) : "done";
        });

    private static void WithSql(this IResourceBuilder<IResource> server, Func<string, CancellationToken, Task<string>> ask) =>
        server.WithCommand(
        Sql, "Ask by SQL",
        async context =>
        {
            try
            {
                var answer = await ask(context.Arguments[Statement].Value!, context.CancellationToken);
                return CommandResults.Success(
                    "The database has answered.", Shown(answer), CommandResultFormat.Markdown, displayImmediately: true);
            }
            catch (AppHostException exception)
            {
                return CommandResults.Failure(exception.Message);
            }
        },
        new()
        {
            Description = "Runs a statement and shows what it returns.",
            IconName = "DatabaseSearch",
            UpdateState = CommandState.WhenHealthy,
            Progress = new() { Message = "The statement runs." },
            Arguments =
                [new() { Name = Statement, Label = "Statement", InputType = InputType.Text, Required = true, Placeholder = "SELECT …" }],
        });

    private static string Shown(string answer) => answer.Length <= MostShown ? answer
        : answer[..answer.LastIndexOf('\n', MostShown)] + "\n\nThere is more of it: `dotnet run --project AppHost -- sql …` prints all.";

    private static void Write(PostgresAnswer answer, StringBuilder text)
    {
        if (answer.Columns.Count == 0)
        {
            text.AppendLine(answer.Affected >= 0 ? $"{answer.Affected} rows" : "done").AppendLine();
            return;
        }

        text.AppendLine(Row(answer.Columns)).AppendLine(Row(answer.Columns.Select(_ => "---")));
        foreach (var row in answer.Rows)
            text.AppendLine(Row(row.Select(value => value ?? "*NULL*")));
        text.AppendLine();

        static string Row(IEnumerable<string> cells) =>
            $"| {string.Join(" | ", cells.Select(cell => cell.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal)))} |";
    }
}
