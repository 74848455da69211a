using System.Diagnostics;

namespace AspireCdc.AppHost.Local.Running;

/// <summary>
/// A tiny shell process that outlives AppHost by a moment: it reads the process groups that AppHost starts and ends from a pipe, and when the
/// pipe closes (AppHost has ended, however hard) it ends those that are left.
/// </summary>
internal sealed class Guardian : IDisposable
{
    /// <summary>How long a group may take to end by itself before it is killed.</summary>
    private const int GraceSeconds = 5;

    private const string Script = """
        trap '' INT TERM HUP
        groups=' '
        while read -r change group; do
            case $change in
                +) groups="$groups$group " ;;
                -) groups="${groups%% $group *} ${groups#* $group }" ;;
            esac
        done
        for leader in $groups; do kill -TERM "$leader" 2>/dev/null; done
        tenths=0
        while [ $tenths -lt GRACE ]; do
            alive=
            for group in $groups; do kill -0 -- "-$group" 2>/dev/null && alive=1; done
            [ -z "$alive" ] && exit 0
            sleep 0.1
            tenths=$((tenths + 1))
        done
        for group in $groups; do kill -KILL -- "-$group" 2>/dev/null; done
        """;

    private readonly Lock _writing = new();
    private readonly Process _shell;

    public Guardian()
    {
        var start = Session.StartInfo("sh", ["-c", Script.Replace("GRACE", $"{GraceSeconds * 10}")]);
        start.RedirectStandardInput = true;
        // Nobody reads what it says, and it must not keep AppHost's own output open.
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _shell = Process.Start(start)!;
        _shell.StandardInput.AutoFlush = true;
    }

    /// <summary>The process to wait for before the ports and folders of an AppHost that was killed are free.</summary>
    public int ProcessId => _shell.Id;

    public void Watch(int processGroup) => Write($"+ {processGroup}");

    public void Forget(int processGroup) => Write($"- {processGroup}");

    public void Dispose()
    {
        _shell.StandardInput.Close();
        _shell.Dispose();
    }

    private void Write(string line)
    {
        try
        {
            lock (_writing)
                _shell.StandardInput.Write(line + "\n");
        }
        catch (IOException)
        {
            // Somebody ended the guardian: AppHost still ends its children itself, unless it is killed, too.
        }
    }
}
