using System.IO.Compression;

namespace AspireCdc.Tests.Flavours;

/// <summary>A folder as package source, with packages that have Aspire's names and nothing in them.</summary>
internal static class StandInFeed
{
    /// <summary>No feed and no cache has it, so that whatever this machine has of Aspire plays no part.</summary>
    public const string Version = "99.0.0";

    private static readonly string[] Libraries =
    [
        "Aspire.Confluent.Kafka", "Aspire.Hosting.AppHost", "Aspire.Hosting.Docker", "Aspire.Hosting.Kafka", "Aspire.Hosting.PostgreSQL", "Aspire.Hosting.Testing",
        "Aspire.Npgsql", "Aspire.Npgsql.EntityFrameworkCore.PostgreSQL",
    ];

    /// <summary>Puts the packages into a folder, all but one if that is named.</summary>
    public static void Fill(string folder, string? without = null)
    {
        Write(folder, "Aspire.AppHost.Sdk", Version, ("Sdk/Sdk.props", "<Project />"), ("Sdk/Sdk.targets", "<Project />"));
        foreach (var library in Libraries.Where(library => library != without))
            Write(folder, library, Version, ("lib/net8.0/_._", ""));
        Write(folder, "Aspire.Hosting.Kubernetes", $"{Version}-preview.1.26421.6", ("lib/net8.0/_._", ""));
    }

    private static void Write(string folder, string id, string version, params (string Path, string Text)[] files)
    {
        using var package = ZipFile.Open(Path.Combine(folder, $"{id}.{version}.nupkg"), ZipArchiveMode.Create);
        Add($"{id}.nuspec", $"""
            <package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
              <metadata><id>{id}</id><version>{version}</version><authors>Tests</authors><description>Stands in.</description></metadata>
            </package>
            """);
        foreach (var (path, text) in files)
            Add(path, text);

        void Add(string path, string text)
        {
            using var writer = new StreamWriter(package.CreateEntry(path).Open());
            writer.Write(text);
        }
    }
}
