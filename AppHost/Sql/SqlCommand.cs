using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Npgsql;
using Spectre.Console;

namespace AspireCdc.AppHost.Sql;

/// <summary><c>AppHost sql postgres|clickhouse "SELECT …"</c>: asks a database of the running stack and prints the answer as a table.</summary>
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
        if (StackState.FindRunning(folder) is not { Shop: { } shop, ClickHouse: { } clickHouse })
            throw new AppHostException("The stack is not running. Start it with: dotnet run --project AppHost");

        // Lines stay whole, as wide as they are.
        AnsiConsole.Profile.Width = 10_000;
        try
        {
            await (database == "postgres" ? AskPostgresAsync(shop, sql) : AskClickHouseAsync(clickHouse, sql));
            return 0;
        }
        catch (NpgsqlException exception)
        {
            throw new AppHostException($"PostgreSQL: {FirstLine(exception.Message)}", exception);
        }
        catch (HttpRequestException exception)
        {
            throw new AppHostException($"ClickHouse: {FirstLine(exception.Message)}", exception);
        }
    }

    private static async Task AskPostgresAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { AllResultTypesAreUnknown = true, CommandTimeout = 0 };
        await using var reader = await command.ExecuteReaderAsync();
        do
        {
            if (reader.FieldCount > 0)
                await PrintAsync(reader);
            else if (reader.RecordsAffected >= 0)
                Console.WriteLine($"{reader.RecordsAffected} rows");
            else
                Console.WriteLine("done");
        }
        while (await reader.NextResultAsync());
    }

    /// <summary>Every value as PostgreSQL itself writes it.</summary>
    private static async Task PrintAsync(NpgsqlDataReader reader)
    {
        var table = new Table().Border(TableBorder.Square);
        for (var i = 0; i < reader.FieldCount; i++)
            table.AddColumn(new TableColumn(Markup.Escape(reader.GetName(i))) { NoWrap = true });
        var rows = 0;
        for (; await reader.ReadAsync(); rows++)
            table.AddRow(Enumerable.Range(0, reader.FieldCount).Select(i => new Text(reader.IsDBNull(i) ? "NULL" : reader.GetString(i))).ToArray());
        AnsiConsole.Write(table);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"({rows} {(rows == 1 ? "row" : "rows")})"));
    }

    private static async Task AskClickHouseAsync(string connectionString, string sql)
    {
        var settings = connectionString.Split(';', StringSplitOptions.RemoveEmptyEntries)
            .Select(part => part.Split('=', 2))
            .ToDictionary(part => part[0], part => part[1], StringComparer.OrdinalIgnoreCase);
        using var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(
            HttpMethod.Post,
            $"http://{settings["Host"]}:{settings["Port"]}/?database={Uri.EscapeDataString(settings["Database"])}&default_format=PrettyCompact")
        {
            Content = new StringContent(sql),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{settings["Username"]}:{settings["Password"]}")));
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (!response.IsSuccessStatusCode)
            throw new AppHostException($"ClickHouse: {FirstLine(await response.Content.ReadAsStringAsync())}");
        await using var output = Console.OpenStandardOutput();
        await response.Content.CopyToAsync(output);
    }

    private static string FirstLine(string text) => text.Trim().Split('\n')[0].TrimEnd();
}
