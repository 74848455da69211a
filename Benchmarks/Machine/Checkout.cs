using AspireCdc.AppHost.Embedded;

namespace AspireCdc.Benchmarks.Machine;

/// <summary>The checkout that this program was built in, and the programs built beside it.</summary>
internal static class Checkout
{
    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The embedded binaries, installed where they are not there yet.</summary>
    public static Task<EmbeddedBinaries> BinariesAsync(Action<string> report, CancellationToken cancellationToken) =>
        EmbeddedBinaries.EnsureAsync(Path.Combine(Root, "AppHost"), report, cancellationToken);

    /// <summary>Another project's program, of the configuration that this one was built in.</summary>
    public static string ProgramOf(string project)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory); // …/Benchmarks/bin/<configuration>/<framework>/
        return Path.Combine(Root, project, "bin", output.Parent!.Name, output.Name, project + ".dll");
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "AspireCdc.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException(
            "The benchmarks start the other projects' programs, so they run from a checkout: dotnet run -c Release --project Benchmarks");
    }
}
