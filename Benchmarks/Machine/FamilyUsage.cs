using System.Globalization;

namespace AspireCdc.Benchmarks.Machine;

/// <summary>Processor time of a process and of those that it started (Linux: <c>/proc</c>).</summary>
/// <param name="Own">Of the process itself.</param>
/// <param name="EndedChildren">Of children that have ended.</param>
/// <param name="RunningChildren">Of children that run, without theirs.</param>
internal readonly record struct FamilyUsage(TimeSpan Own, TimeSpan EndedChildren, TimeSpan RunningChildren)
{
    /// <summary>What <c>/proc</c> counts in, on every platform that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    public TimeSpan All => Own + EndedChildren + RunningChildren;

    /// <summary>Zero where there is no <c>/proc</c>.</summary>
    public static FamilyUsage Of(int pid)
    {
        if (Read(pid) is not { } own)
            return default;
        var children = Directory.GetDirectories("/proc").Select(Path.GetFileName)
            .Select(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var child) ? Read(child) : null)
            .Where(child => child?.Parent == pid).Sum(child => child!.Value.Used.TotalSeconds);
        return new(own.Used, own.Children, TimeSpan.FromSeconds(children));
    }

    private static (int Parent, TimeSpan Used, TimeSpan Children)? Read(int pid)
    {
        try
        {
            // A name in parentheses comes first, which may hold anything; behind it are state, parent, and from the twelfth on the times.
            var line = File.ReadAllText($"/proc/{pid}/stat");
            var fields = line[(line.LastIndexOf(')') + 2)..].Split(' ');
            return (int.Parse(fields[1], CultureInfo.InvariantCulture), Time(11) + Time(12), Time(13) + Time(14));

            TimeSpan Time(int field) => TimeSpan.FromSeconds(long.Parse(fields[field], CultureInfo.InvariantCulture) / TicksPerSecond);
        }
        catch (IOException)
        {
            return null; // It has ended, or this is no Linux.
        }
    }
}
