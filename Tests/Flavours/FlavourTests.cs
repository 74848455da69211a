using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Flavours;

/// <summary>Which flavour the solution is built in follows from what its package source offers, without anybody choosing.</summary>
public sealed class FlavourTests
{
    private const string Asking = "Asking the package sources", NotThere = "They do not have it", There = "They have it", Silence = "No package source answered";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_source_without_Aspire_is_asked_once_and_again_when_the_sources_change()
    {
        using var solution = new SolutionCopy();

        (await solution.DotNetAsync(Cancel, "build", "Printer")).Should().Contain(Asking).And.Contain(NotThere);
        (await solution.DotNetAsync(Cancel, "build", "Printer")).Should().NotContain(Asking);
        (await solution.DotNetAsync(Cancel, "run", "--project", "Printer", "--no-build")).Should().Contain("flavour: local");

        StandInFeed.Fill(solution.Feed);
        solution.Offer(solution.Feed);
        // One command: its restore finds Aspire, and its build already follows.
        (await solution.DotNetAsync(Cancel, "run", "--project", "Printer")).Should().Contain("flavour: packages");

        (await solution.DotNetAsync(Cancel, "run", "--project", "Printer", "-p:AspireHosting=local")).Should().Contain("flavour: local");
    }

    [Fact]
    public async Task A_source_with_Aspire_makes_the_whole_solution_use_it()
    {
        using var solution = new SolutionCopy();
        StandInFeed.Fill(solution.Feed);

        (await solution.DotNetAsync(Cancel, "restore", "AspireCdc.sln")).Should().Contain(There);

        foreach (var (project, package) in new[] { ("AppHost", "Aspire.Hosting.Kafka"), ("ServiceDefaults", "Aspire.Npgsql"), ("Tests", "Aspire.Hosting.Testing") })
        {
            (await File.ReadAllTextAsync(solution.PathOf($"{project}/obj/packages/project.assets.json"), Cancel)).Should().Contain($"\"{package}/{StandInFeed.Version}\"");
            File.Exists(solution.PathOf($"{project}/obj/project.assets.json")).Should().BeFalse("the flavours have folders of their own");
        }
    }

    [Theory]
    [InlineData("Aspire.Hosting.Kafka")]
    [InlineData("Aspire.Npgsql")]
    public async Task A_source_with_only_some_of_Aspires_packages_is_no_source_of_Aspire(string missing)
    {
        using var solution = new SolutionCopy();
        StandInFeed.Fill(solution.Feed, without: missing);

        (await solution.DotNetAsync(Cancel, "run", "--project", "Printer")).Should().Contain("flavour: local");
        (await solution.DotNetAsync(Cancel, "build", "Printer")).Should().NotContain(Asking);
    }

    [Fact]
    public async Task Silence_falls_back_within_seconds()
    {
        using var solution = new SolutionCopy();
        solution.Offer("http://127.0.0.1:9/index.json");

        (await solution.DotNetAsync(Cancel, "restore", "Printer")).Should().Contain(Silence);
        (await solution.DotNetAsync(Cancel, "restore", "Printer")).Should().NotContain(Asking);
    }
}
