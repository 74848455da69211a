using AspireCdc.Shop;
using AspireCdc.Star.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary><c>init-db [--check | --drop | --recreate] [--yes]</c></summary>
internal sealed class InitDbCommand(ShopDatabase database, ShopContext context, StarModel model, IOptions<CdcOptions> options)
{
    public const string Name = "init-db";

    private const string Usage = """
        init-db               create what is missing: tables, publication, the processor's role
        init-db --check       change nothing; say what is missing, exit code 1 if anything is
        init-db --drop        drop the tables (asks first)
        init-db --recreate    drop the tables and create them anew (asks first)
                --yes         do not ask
        """;

    /// <summary>
    /// What has a colon or a value is configuration: --Cdc:Role=… The switches are not: .NET would take what follows one for its value.
    /// </summary>
    public static bool IsSetting(string arg) => arg.Contains(':') || arg.Contains('=');

    /// <summary>Runs the command over the application's services and returns the process's exit code.</summary>
    public static async Task<int> RunAsync(
        IServiceProvider services, string[] args, TextReader input, TextWriter output, CancellationToken cancellation)
    {
        string[] given = [.. args.Where(arg => !IsSetting(arg))];
        if (given.Except(["--check", "--drop", "--recreate", "--yes"]).FirstOrDefault() is { } unknown)
            return Complain($"'{unknown}' is no option of init-db.");
        if (given.Except(["--yes"]).Count() > 1)
            return Complain("--check, --drop and --recreate exclude one another.");

        await using var scope = services.CreateAsyncScope();
        var command = ActivatorUtilities.CreateInstance<InitDbCommand>(scope.ServiceProvider);
        try
        {
            return await command.RunAsync(given, input, output, cancellation);
        }
        catch (Exception e) when (e is InitDbException or StarModelException or OptionsValidationException or NpgsqlException
            or InvalidOperationException)
        {
            output.WriteLine($"❌ {command.Explain(e)}");
            return 1;
        }

        int Complain(string sentence)
        {
            output.WriteLine(sentence);
            output.WriteLine(Usage);
            return 2;
        }
    }

    private async Task<int> RunAsync(string[] args, TextReader input, TextWriter output, CancellationToken cancellation)
    {
        if (args.Contains("--check")) return await CheckAsync(output, cancellation);
        var drop = args.Contains("--drop");
        if (drop || args.Contains("--recreate"))
        {
            if (!args.Contains("--yes") && !await ConfirmAsync(input, output)) return 1;
            output.WriteLine("Dropping all tables...");
            var complaint = await database.DropAsync(cancellation);
            output.WriteLine("✅ Tables dropped.");
            if (complaint is not null) output.WriteLine($"⚠️ {complaint}");
            if (drop) return 0;
        }
        output.WriteLine("Creating all tables...");
        var repairs = await database.InitializeAsync(cancellation);
        output.WriteLine("✅ Tables created successfully!");
        var triggers = await database.MakeTriggersAsync(cancellation);
        foreach (var repair in repairs.Concat(triggers.Done)) output.WriteLine($"   done: {repair}");
        if (triggers.Refusal is not null) output.WriteLine($"⚠️ {triggers.Refusal}");
        output.WriteLine(
            $"✅ Publication {options.Value.Publication} on {string.Join(", ", model.Tables.Select(table => table.Source))}; role " +
            $"{options.Value.Role} may replicate and read them.");
        foreach (var problem in await database.FindServerProblemsAsync(cancellation)) output.WriteLine($"⚠️ {problem}");
        return 0;
    }

    private async Task<int> CheckAsync(TextWriter output, CancellationToken cancellation)
    {
        var differences = await database.CheckAsync(cancellation);
        foreach (var difference in differences) output.WriteLine($"❌ {difference}");
        output.WriteLine(differences.Count == 0 ? "✅ The database is as it should be." : "Run init-db to repair it.");
        return differences.Count == 0 ? 0 : 1;
    }

    private async Task<bool> ConfirmAsync(TextReader input, TextWriter output)
    {
        var connection = context.Database.GetDbConnection();
        output.Write($"This destroys every row in {connection.Database} on {connection.DataSource}. Type yes to go on: ");
        var answer = await input.ReadLineAsync();
        if (answer?.Trim() is "yes" or "y") return true;
        output.WriteLine("Nothing was changed.");
        return false;
    }

    private string Explain(Exception e) => e switch
    {
        // EF Core's words around what a connection that it opens cannot do.
        InvalidOperationException { InnerException: NpgsqlException inner } => Explain(inner),
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } => $"{e.Message}: run init-db to create it.",
        PostgresException postgres => $"PostgreSQL refuses: {postgres.MessageText} ({postgres.SqlState}).",
        NpgsqlException =>
            $"PostgreSQL at {context.Database.GetDbConnection().DataSource} does not answer ({e.Message}): start it, or set " +
            "ConnectionStrings__shop or DATABASE_URL.",
        _ => e.Message,
    };
}
