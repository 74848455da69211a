using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace AspireCdc.ServiceDefaults;

/// <summary>
/// The password of a database whose cloud changes it: the output of a command, which is asked at each connect. A token of Entra or of IAM
/// is good for minutes
/// only, and then for a connection that was opened with it.
/// </summary>
/// <param name="Command">What a shell runs: <c>aws rds generate-db-auth-token …</c>, <c>az account get-access-token … --query accessToken
/// -o tsv</c>.</param>
public sealed record DatabasePassword(string Command)
{
    /// <summary>The configuration key of the command: <c>Database__PasswordCommand</c>.</summary>
    public const string Key = "Database:PasswordCommand";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Null where no command is configured: then the connection string has the password.</summary>
    public static DatabasePassword? From(IConfiguration configuration) =>
        configuration[Key] is { Length: > 0 } command ? new DatabasePassword(command) : null;

    /// <summary>Lets each connection of the pool ask.</summary>
    public void ApplyTo(NpgsqlDataSourceBuilder source) =>
        source.UsePasswordProvider(_ => AskAsync(CancellationToken.None).GetAwaiter().GetResult(), async (_, cancellation) =>
            await AskAsync(cancellation));

    /// <summary>The password of now.</summary>
    /// <exception cref="InvalidOperationException">The command fails, or says nothing; the message has what it wrote to its standard
    /// error.</exception>
    public async Task<string> AskAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        var start = OperatingSystem.IsWindows()
            ? new ProcessStartInfo("cmd.exe", ["/c", Command])
            : new ProcessStartInfo("/bin/sh", ["-c", Command]);
        start.RedirectStandardOutput = start.RedirectStandardError = start.RedirectStandardInput = true;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            var password = (await output).TrimEnd('\r', '\n');
            return process.ExitCode == 0 && password.Length > 0
                ? password
                : throw new InvalidOperationException(
                    $"The command of Database__PasswordCommand ended with {process.ExitCode} and {(password.Length > 0 ? "a" : "no")} " +
                    $"password: {(await errors).Trim()}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            throw new InvalidOperationException(
                $"The command of Database__PasswordCommand gave no password within {Patience.TotalSeconds:0} s.");
        }
    }

    /// <summary>The connection string with the password of now.</summary>
    public async Task<string> CompleteAsync(string connectionString, CancellationToken cancellationToken) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Password = await AskAsync(cancellationToken) }.ConnectionString;

    /// <summary>The connection string without a password, where a pool has this one.</summary>
    public static string Strip(string connectionString)
    {
        var connection = new NpgsqlConnectionStringBuilder(connectionString);
        connection.Remove("Password");
        connection.Remove("Passfile");
        return connection.ConnectionString;
    }
}
