using System.Globalization;

namespace AspireCdc.AppHost.Embedded;

/// <summary>
/// <c>AppHost postgres --data FOLDER --port N</c>: the embedded PostgreSQL in the foreground, as a resource of the graph runs it.
/// </summary>
internal static class PostgresCommand
{
    /// <summary>First word of the command line.</summary>
    public const string Verb = "postgres";

    /// <summary>The environment variable with the superuser's password, which no list of processes shows.</summary>
    public const string PasswordVariable = "EMBEDDED_POSTGRES_PASSWORD";

    /// <summary>Runs the server until it ends or this process is asked to stop.</summary>
    /// <param name="binaries">The installed binaries.</param>
    /// <param name="args">What follows the verb: <c>--data FOLDER --port N</c>.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(EmbeddedBinaries binaries, string[] args)
    {
        using var stopping = new StopSignals();
        try
        {
            var options = new EmbeddedPostgresOptions
            {
                DataFolder = Option(args, "--data"),
                Port = int.Parse(Option(args, "--port"), CultureInfo.InvariantCulture),
                Password = Environment.GetEnvironmentVariable(PasswordVariable) is { Length: > 0 } password ? password : "postgres",
            };
            await using var server = await EmbeddedPostgres.StartAsync(binaries, options, Console.WriteLine, stopping.Token);
            await Task.WhenAny(server.Exited, Task.Delay(Timeout.Infinite, stopping.Token));
            await server.StopAsync();
            return server.ExitCode;
        }
        catch (OperationCanceledException) when (stopping.Token.IsCancellationRequested)
        {
            return 0;
        }
        catch (EmbeddedStackException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    private static string Option(string[] args, string name) =>
        Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length
            ? args[at + 1]
            : throw new EmbeddedStackException($"The command '{Verb}' needs {name} and a value.");
}
