using System.Diagnostics;
using System.Globalization;
using AspireCdc.Benchmarks.Machine;
using Npgsql;

namespace AspireCdc.Benchmarks.Api;

/// <summary>PostgreSQL's own load generator, where the machine has it: as many clients, prepared statements,
/// no application in between.</summary>
internal sealed class Pgbench
{
    private readonly string _program;

    private Pgbench(string program) => _program = program;

    /// <summary>Null where there is none.</summary>
    public static Pgbench? Find()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Concat(Directory.Exists("/usr/lib/postgresql")
                ? Directory.GetDirectories("/usr/lib/postgresql").OrderDescending().Select(version => Path.Combine(version, "bin"))
                : []);
        return folders.Select(folder => Path.Combine(folder, "pgbench")).FirstOrDefault(File.Exists) is { } program ? new(program) : null;
    }

    public async Task<Measurement> RunAsync(
        NpgsqlConnectionStringBuilder server, string script, TemporaryFolder folder, ApiOptions options,
        CancellationToken cancellationToken)
    {
        var own = folder.Of($"pgbench-{Guid.NewGuid():N}");
        Directory.CreateDirectory(own);
        await File.WriteAllTextAsync(Path.Combine(own, "script.sql"), script, cancellationToken);
        string[] args =
        [
            "--no-vacuum", "--protocol=prepared", $"--client={options.Connections}",
            $"--jobs={Math.Min(options.Connections, Environment.ProcessorCount)}", $"--time={options.Seconds}",
            "--file=script.sql", "--log", "--log-prefix=each", $"--host={server.Host}", $"--port={server.Port}",
            $"--username={server.Username}", server.Database!,
        ];
        var start = new ProcessStartInfo(_program, args)
        {
            WorkingDirectory = own,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["PGPASSWORD"] = server.Password }
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
        if (process.ExitCode != 0) throw new BenchmarkException($"pgbench failed: {await errors}{await output}");

        // A line per transaction; its third column is the time in microseconds.
        var milliseconds = Directory.GetFiles(own, "each*").SelectMany(File.ReadLines)
            .Select(line => double.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture) / 1000).ToArray();
        return Measurement.Of(milliseconds, options.Seconds);
    }
}
