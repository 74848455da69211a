using System.Diagnostics;
using AspireCdc.Tests.Fixtures;

namespace AspireCdc.Tests.Flavours;

/// <summary>
/// The solution's project files, without their sources, and one project that prints its flavour; with a package source, a cache and answers of its own.
/// </summary>
internal sealed class SolutionCopy : IDisposable
{
    private const string Printer = """
        #if ASPIRE_PACKAGES
        System.Console.WriteLine("flavour: packages");
        #else
        System.Console.WriteLine("flavour: local");
        #endif
        """;

    private readonly TemporaryFolder _folder = new();

    public SolutionCopy()
    {
        foreach (var file in Directory.EnumerateFiles(Repository.Root).Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "build"))).Concat(
            Directory.EnumerateDirectories(Repository.Root).SelectMany(folder => Directory.EnumerateFiles(folder, "*.csproj"))))
        {
            Write(Path.GetRelativePath(Repository.Root, file), File.ReadAllText(file));
        }

        Write("AppHost/Local/Projects.targets", "<Project />");
        Write("Printer/Printer.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><OutputType>Exe</OutputType></PropertyGroup>
            </Project>
            """);
        Write("Printer/Program.cs", Printer);
        Directory.CreateDirectory(Feed);
        Offer(Feed);
    }

    /// <summary>The folder that is the package source.</summary>
    public string Feed => PathOf("feed");

    public string PathOf(string file) => Path.Combine(_folder.Path, file);

    /// <summary>Makes this the only package source. What the solution needs besides Aspire it finds where the tests were built from.</summary>
    public void Offer(string source) => Write("NuGet.Config", $"""
        <configuration>
          <packageSources><clear /><add key="tests" value="{source}" allowInsecureConnections="true" /></packageSources>
          <fallbackPackageFolders><clear /><add key="built" value="{BuiltFrom}" /></fallbackPackageFolders>
        </configuration>
        """);

    /// <summary>Runs the .NET command line and returns what it printed.</summary>
    public async Task<string> DotNetAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [.. arguments, $"-p:AspireVersion={StandInFeed.Version}", "-p:NuGetAudit=false"])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        start.Environment.Remove("AspireHosting");
        start.Environment["NUGET_PACKAGES"] = PathOf("cache");
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(cancellationToken) + await errors;
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"dotnet {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output}");
    }

    public void Dispose() => _folder.Dispose();

    private static string BuiltFrom => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(file))!);
        File.WriteAllText(PathOf(file), text);
    }
}
