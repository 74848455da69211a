using System.Diagnostics;
using AspireCdc.Benchmarks.Machine;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>PostgreSQL's own client, writing to <c>/dev/null</c>.</summary>
internal sealed class PgRecvlogical(StoreDatabase database, Action<string> log, int round) : IContender
{
    private BuiltProgram? _program;

    public string Slot { get; } = $"bench_recvlogical_{round}";

    public IReadOnlyDictionary<string, int> Processes { get; private set; } = new Dictionary<string, int>();

    /// <summary>The end of the workload: the program ends there by itself, so it has to know before it starts.</summary>
    /// <summary>Why it cannot run here, or null.</summary>
    public static string? MissingBecause()
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo("pg_recvlogical", "--version") { RedirectStandardOutput = true, RedirectStandardError = true });
            process!.WaitForExit();
            return process.ExitCode == 0 ? null : "pg_recvlogical does not start";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "pg_recvlogical is not on PATH (Debian: apt install postgresql-client)";
        }
    }

    public Task PrepareAsync(CancellationToken cancellationToken) => database.CreateSlotAsync(Slot, cancellationToken);

    public async Task StartAsync(Workload? workload, CancellationToken cancellationToken)
    {
        var source = database.Superuser;
        _program = BuiltProgram.Run("pg_recvlogical",
            [
                "pg_recvlogical", "--host=localhost", $"--port={source.Port}", $"--username={source.Username}",
                $"--dbname={source.Database}", $"--slot={Slot}", "--start", "--no-loop",
                "--file=/dev/null", "--option=proto_version=1", $"--option=publication_names={StoreDatabase.Publication}",
                $"--endpos={Lsn.Format(workload!.End)}",
            ],
            new() { ["PGPASSWORD"] = source.Password! }, log);
        Processes = new Dictionary<string, int> { ["reader"] = await _program.Pid };
    }

    public Task LastChangeAsync(Workload workload, CancellationToken cancellationToken) => _program!.SucceededAsync(cancellationToken);

    /// <summary>When it ends, it confirms the last change that it received.</summary>
    public async Task<string?> VerifyAsync(Workload workload, CancellationToken cancellationToken)
    {
        var confirmed = (ulong)await database.ScalarAsync<decimal>(
            $"SELECT confirmed_flush_lsn - '0/0'::pg_lsn FROM pg_replication_slots WHERE slot_name = '{Slot}'", cancellationToken);
        return confirmed >= workload.LastBegin
            ? null
            : $"the slot is at {Lsn.Format(confirmed)}, before the last change behind {Lsn.Format(workload.LastBegin)}";
    }

    public Task OrderAsync(long id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public async Task StopAsync()
    {
        if (_program is not null)
            await _program.DisposeAsync();
        _program = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await database.DropSlotAsync(Slot, CancellationToken.None);
    }
}
