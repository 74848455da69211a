using System.Runtime.CompilerServices;
using AspireCdc.AppHost.Embedded;

namespace AspireCdc.Tests.Fixtures;

/// <summary>Places in the checkout that the tests run from.</summary>
internal static class Repository
{
    /// <summary>The checkout's root folder.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The embedded binaries, installed where they are not there yet.</summary>
    public static Task<EmbeddedBinaries> BinariesAsync(CancellationToken cancellationToken) =>
        EmbeddedBinaries.EnsureAsync(Path.Combine(Root, "AppHost"), Console.Error.WriteLine, cancellationToken);

    /// <summary>The built program of another project, of the configuration that the tests were built in.</summary>
    public static string ProgramOf(string project)
    {
        // bin/<configuration>/<framework>, or more than that
        var output = Path.GetRelativePath(Path.Combine(Root, "Tests"), AppContext.BaseDirectory);
        return Path.Combine(Root, project, output, project + ".dll");
    }

    private static string FindRoot([CallerFilePath] string thisFile = "")
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "AspireCdc.sln")))
                return folder.FullName;
        }
        return Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));
    }
}
