using AspireCdc.AppHost.Embedded;

namespace AspireCdc.Benchmarks.Machine;

/// <summary>
/// What is the same for every verb that starts servers: its usage, Ctrl-C and SIGTERM, after which what was started is stopped and its
/// folders are deleted, and a sentence for what went wrong.
/// </summary>
internal static class Command
{
    /// <summary>Runs a verb and returns the process's exit code.</summary>
    /// <param name="args">What stands behind the verb.</param>
    /// <param name="usage">What --help shows.</param>
    /// <param name="work">Reads the arguments and does it; false where something was lost.</param>
    public static async Task<int> RunAsync(string[] args, string usage, Func<CancellationToken, Task<bool>> work)
    {
        if (args.Any(arg => arg.TrimStart('-') is "help" or "h" or "?"))
        {
            Console.WriteLine(usage);
            return 0;
        }

        using var stopping = new StopSignals();
        try
        {
            return await work(stopping.Token) ? 0 : 1;
        }
        catch (Exception) when (stopping.Token.IsCancellationRequested)
        {
            Console.WriteLine("Stopped.");
            return 1;
        }
        catch (Exception e) when (e is FormatException or BenchmarkException or EmbeddedStackException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return e is FormatException ? 2 : 1;
        }
    }
}
