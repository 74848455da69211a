using AspireCdc.AppHost;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.AppHost;

/// <summary>What lies in the folder for the databases, and is none of them, stays.</summary>
public sealed class StateFolderTests : IDisposable
{
    private readonly TemporaryFolder _state = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _state.Dispose();

    [Theory]
    [InlineData("postgres")]
    [InlineData("clickhouse")]
    public void A_reset_leaves_alone_what_no_start_has_made(string server)
    {
        var notes = Write(server, "notes.txt");

        FluentActions.Invoking(() => StackState.Take(_state.Path, reset: true).Dispose()).Should().Throw<AppHostException>()
            .WithMessage($"*{Path.Combine(_state.Path, server)} holds something that is no database of this program*--state FOLDER");
        File.Exists(notes).Should().BeTrue();
    }

    [Fact]
    public void A_reset_empties_what_starts_have_made()
    {
        Write("postgres", "PG_VERSION");
        Directory.CreateDirectory(Path.Combine(_state.Path, "clickhouse", "metadata"));

        using var state = StackState.Take(_state.Path, reset: true);

        Directory.Exists(Path.Combine(_state.Path, "postgres")).Should().BeFalse();
        Directory.Exists(Path.Combine(_state.Path, "clickhouse")).Should().BeFalse();
    }

    [Fact]
    public async Task A_start_leaves_alone_a_folder_that_is_no_cluster()
    {
        var notes = Write("postgres", "notes.txt");
        var options = new EmbeddedPostgresOptions { DataFolder = Path.GetDirectoryName(notes)!, Port = FreePort.Next() };

        await FluentActions.Awaiting(async () => await EmbeddedPostgres.StartAsync(
            await Repository.BinariesAsync(Cancel), options, _ => { }, Cancel)).Should().ThrowAsync<EmbeddedStackException>()
            .WithMessage($"{options.DataFolder} holds something that is no PostgreSQL cluster. Empty it, *--state FOLDER");
        File.Exists(notes).Should().BeTrue();
    }

    private string Write(string server, string file)
    {
        var path = Path.Combine(_state.Path, server, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "mine");
        return path;
    }
}
