using System.Text.RegularExpressions;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>The engine's folders depend in one direction.</summary>
public sealed partial class FolderTests
{
    /// <summary>Each may use those before it, and all may use the contracts beside them.</summary>
    private static readonly string[] Order = ["Changes", "Status", "Postgres", "ClickHouse", "Kafka", "Verification", "Running",
        "Operations"];

    [Fact]
    public void A_folder_uses_those_below_it_only()
    {
        var root = Path.Combine(Repository.Root, "CdcProcessor");
        var folders = Directory.GetDirectories(root).Select(Path.GetFileName).Where(name => name is not ("bin" or "obj"));
        folders.Should().BeEquivalentTo(Order, "a new folder needs its place here, and in docs/architecture.md");

        var upwards =
            from folder in Order
            from file in Directory.GetFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories)
            from use in Use().Matches(File.ReadAllText(file))
            let used = Array.IndexOf(Order, use.Groups[1].Value)
            where used > Array.IndexOf(Order, folder)
            select $"{Path.GetRelativePath(root, file)} uses {Order[used]}";
        upwards.Should().BeEmpty();
    }

    [GeneratedRegex(@"^using (?:static )?AspireCdc\.CdcProcessor\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Use();
}
