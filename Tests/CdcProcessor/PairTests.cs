using AspireCdc.CdcProcessor;
using AwesomeAssertions;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>The pairs that there are, and the sentences for those that there are not.</summary>
public sealed class PairTests
{
    [Theory]
    [InlineData(null, null, "postgresql", "clickhouse")]
    [InlineData("postgresql", "kafka", "postgresql", "kafka")]
    [InlineData("Kafka", "ClickHouse", "kafka", "clickhouse")]
    public void A_possible_pair_is_taken(string? source, string? sink, string expectedSource, string expectedSink) =>
        Pair.From(Configuration(source, sink, "shop", "clickhouse", "kafka")).Should().Be(new Pair(expectedSource, expectedSink));

    [Theory]
    [InlineData("kafka", "kafka")]
    [InlineData("clickhouse", "kafka")]
    [InlineData("postgresql", "postgresql")]
    [InlineData("mysql", "clickhouse")]
    public void An_impossible_pair_is_refused(string source, string sink) =>
        Refusal(source, sink, "shop", "clickhouse", "kafka").Should()
            .StartWith($"--source {source} --sink {sink} is no pair: there are postgresql to clickhouse");

    [Theory]
    [InlineData("postgresql", "clickhouse", "shop")]
    [InlineData("postgresql", "clickhouse", "clickhouse")]
    [InlineData("postgresql", "kafka", "kafka")]
    [InlineData("kafka", "clickhouse", "kafka")]
    public void A_missing_connection_string_is_named(string source, string sink, string missing) =>
        Refusal(source, sink, [.. new[] { "shop", "clickhouse", "kafka" }.Except([missing])]).Should()
            .Contain($"set ConnectionStrings__{missing}");

    private static string Refusal(string source, string sink, params string[] connections) =>
        FluentActions.Invoking(() => Pair.From(Configuration(source, sink, connections))).Should()
            .Throw<InvalidOperationException>().Which.Message;

    private static IConfiguration Configuration(string? source, string? sink, params string[] connections) =>
        new ConfigurationBuilder().AddInMemoryCollection(
        [.. connections.Select(name => KeyValuePair.Create($"ConnectionStrings:{name}", (string?)"x")), new("source", source),
            new("sink", sink)]).Build();
}
