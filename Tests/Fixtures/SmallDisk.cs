using System.Diagnostics;
using Xunit;

namespace AspireCdc.Tests.Fixtures;

/// <summary>A file system of its own that can be full: a tmpfs, which takes root on Linux to mount.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private SmallDisk()
    {
    }

    public string Path => _folder.Path;

    private string Filler => System.IO.Path.Combine(Path, "filler");

    /// <summary>The disk; the test is skipped where none can be mounted.</summary>
    public static SmallDisk Mount(int megabytes)
    {
        var disk = new SmallDisk();
        if (!OperatingSystem.IsLinux() || Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", disk.Path) != 0)
        {
            disk._folder.Dispose();
            Assert.Skip("Only root on Linux, with the right to mount, can give this test a disk that becomes full.");
        }
        return disk;
    }

    /// <summary>Takes all room that is left.</summary>
    public void Fill()
    {
        using var filler = File.Open(Filler, FileMode.Append);
        var block = new byte[64 * 1024];
        try
        {
            while (true)
            {
                filler.Write(block);
                filler.Flush();
            }
        }
        catch (IOException)
        {
            // That was the last of it.
        }
    }

    /// <summary>Gives the room back.</summary>
    public void Free() => File.Delete(Filler);

    public void Dispose()
    {
        Run("umount", "--lazy", Path);
        _folder.Dispose();
    }

    private static int Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
