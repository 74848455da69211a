using System.ComponentModel;
using System.Diagnostics;
using AspireCdc.AppHost.Embedded;

namespace AspireCdc.AppHost.Containers;

/// <summary>Docker or Podman, by its command.</summary>
internal sealed record ContainerEngine(string Command)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>The first engine that answers, within seconds, that it runs Linux containers.</summary>
    /// <exception cref="AppHostException">None does; the message says what each one said.</exception>
    public static async Task<ContainerEngine> FindAsync(CancellationToken cancellationToken)
    {
        var complaints = new List<string>();
        foreach (var (command, question) in ((string, string[])[])
            [("docker", ["version", "--format", "{{.Server.Os}}"]), ("podman", ["info", "--format", "{{.Host.OS}}"])])
        {
            var engine = new ContainerEngine(command);
            var (answered, text) = await engine.RunAsync(question, Patience, cancellationToken);
            if (answered && text == "linux")
                return engine;
            complaints.Add($"{command}: {(answered ? $"it runs {text} containers" : text)}");
        }

        throw new AppHostException(
            $"The containers stack needs Docker or Podman with Linux containers ({string.Join("; ", complaints)}). Install or start one"
            + (EmbeddedPlatform.Current is null
                ? "; on Windows, WSL runs the embedded stack, which needs none."
                : ", or do without: --stack embedded."));
    }

    /// <summary>What is not there is no error.</summary>
    public async Task RemoveVolumesAsync(string[] resources, CancellationToken cancellationToken)
    {
        string[] volumes = [.. resources.Select(ContainersStack.Named)];
        var (removed, text) = await RunAsync(["volume", "rm", "--force", .. volumes], TimeSpan.FromMinutes(1), cancellationToken);
        if (!removed)
            throw new AppHostException(
                $"The volumes {string.Join(", ", volumes)} cannot be removed ({text}). Remove the containers that use them: {Command} " +
                "ps --all --filter name=aspirecdc-");
    }

    /// <summary>Whether it ended well and in time, and what it said, or the reason.</summary>
    private async Task<(bool Ended, string Text)> RunAsync(string[] arguments, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(patience);
        Process? process = null;
        try
        {
            process =
                Process.Start(new ProcessStartInfo(Command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var errors = process.StandardError.ReadToEndAsync(timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            return process.ExitCode == 0 ? (true, (await output).Trim())
                : (false, (await errors).Trim() is { Length: > 0 } error ? error : $"exit code {process.ExitCode}");
        }
        catch (Win32Exception)
        {
            return (false, "not installed");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            process?.Kill(entireProcessTree: true);
            return (false, $"no answer within {patience.TotalSeconds:0} s");
        }
        finally
        {
            process?.Dispose();
        }
    }
}
