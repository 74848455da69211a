using System.Text.RegularExpressions;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace AspireCdc.Tests.Kafka;

/// <summary>Redpanda Connect's configuration as far as it can be checked without its program: it is YAML, and says what
/// the rest of the project says.</summary>
public sealed partial class ConnectConfigurationTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(Repository.Root, "redpanda-connect", "connect.yaml"));

    private static readonly YamlNode Root = Load(Text);

    private static readonly YamlNode Input = Root["input"]["postgres_cdc"];

    private static readonly YamlNode Output = Root["output"]["reject_errored"]["retry"]["output"]["redpanda"];

    [Fact]
    public void What_keeps_the_order_of_a_keys_messages_is_set_together()
    {
        Scalar(Input["checkpoint_limit"]).Should().Be("1");
        Scalar(Input["auto_replay_nacks"]).Should().Be("true");
        Scalar(Root["pipeline"]["threads"]).Should().Be("1");
        Scalar(Root["output"]["reject_errored"]["retry"]["max_retries"]).Should().Be("0", "0 is for ever");
        Scalar(Root["output"]["reject_errored"]["retry"]["backoff"]["max_elapsed_time"]).Should().Be("0s", "0s is for ever");
        Scalar(Output["max_in_flight"]).Should().Be("1");
        Scalar(Output["max_in_flight_requests"]).Should().Be("1");
        Scalar(Output["record_retries"]).Should().Be("0", "0 is for ever");
        Scalar(Output["idempotent_write"]).Should().Be("true");
        Scalar(Output["acks"]).Should().Be("all");
        Root["buffer"]["none"].Should().BeOfType<YamlMappingNode>();
    }

    [Fact]
    public void Rule_20_keys_are_placed_as_our_connector_places_them()
    {
        Scalar(Output["partitioner"]).Should().Be("murmur2_hash");
        Scalar(Output["key"]).Should().Be("${! @key }");
    }

    [Fact]
    public void It_sends_the_tables_of_the_mapping_and_counts_any_other()
    {
        var tables = Store.Own.Tables.Select(table => table.Source).ToList();
        ((YamlSequenceNode)Input["tables"]).Select(Scalar).Should().BeEquivalentTo(tables);
        Text.Should()
            .Contain($"[{string.Join(", ", ((YamlSequenceNode)Input["tables"]).Select(table => $"\"{table}\""))}].contains(@table)",
                "the list is there twice");
    }

    [Fact]
    public void An_unchanged_TOAST_value_is_marked_by_what_the_mapping_leaves_out()
    {
        var (key, value) = ((YamlMappingNode)Input["unchanged_toast_value"]).Children.Single();
        Text.Should().Contain($$"""column.value != {"{{key}}": {{value}}}""", "an object, which no text column can hold");
    }

    [Fact]
    public void Every_environment_variable_stands_in_the_header_with_its_default_and_the_defaults_are_ours()
    {
        var used = Variable().Matches(Text[Text.IndexOf("\nhttp:", StringComparison.Ordinal)..])
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        var documented = Documented().Matches(Text).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        documented.Should().Equal(used);
        used["CDC_SLOT"].Should().Be(new CdcOptions().Slot);
        used["CDC_TOPIC"].Should().Be(new KafkaOptions().Topic);
        used["CDC_CREATE_TOPIC"].Should().Be("false", "the number of partitions must be right from the beginning");
        used["POSTGRES_DSN"].Should().Contain("timezone=UTC");
    }

    [Fact]
    public void A_heartbeat_lets_the_slot_advance_while_the_tables_are_quiet() =>
        Scalar(Input["heartbeat_interval"]).Should().MatchRegex("^[1-9][0-9]?s$");

    [Fact]
    public void Its_unit_tests_run_the_processors_of_this_file()
    {
        var tests = (YamlSequenceNode)Load(
            File.ReadAllText(Path.Combine(Repository.Root, "redpanda-connect", "connect_benthos_test.yaml")))["tests"];
        tests.Should().HaveCount(10).And.OnlyContain(test => Scalar(test["target_processors"]) == "/pipeline/processors");
        tests.Select(test => Scalar(test["name"])).Should().OnlyHaveUniqueItems();
    }

    private static YamlNode Load(string text)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(text));
        return yaml.Documents.Should().ContainSingle().Which.RootNode;
    }

    private static string Scalar(YamlNode node) => ((YamlScalarNode)node).Value!;

    /// <summary><c>${NAME:default}</c>.</summary>
    [GeneratedRegex(@"\$\{([A-Z_]+):([^}]*)\}")]
    private static partial Regex Variable();

    /// <summary>A line of the header: a name in capitals, its default, perhaps a remark.</summary>
    [GeneratedRegex(@"^#   ([A-Z]+_[A-Z_]+) +(\S+)", RegexOptions.Multiline)]
    private static partial Regex Documented();
}
