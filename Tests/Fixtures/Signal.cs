using System.Diagnostics;
using System.Globalization;

namespace AspireCdc.Tests.Fixtures;

/// <summary>Signals by name, whose numbers differ between systems.</summary>
internal static class Signal
{
    public static async Task SendAsync(string name, int process)
    {
        using var kill = Process.Start("kill", ["-" + name, process.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }
}
