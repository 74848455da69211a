using System.Text.Json;
using System.Text.Json.Nodes;
using AspireCdc.Tests.Fixtures;
using YamlDotNet.RepresentationModel;

namespace AspireCdc.Tests.Kafka;

/// <summary>The messages that the unit tests of connect.yaml demand, as they leave Redpanda Connect, in the order of the file.</summary>
internal static class ConnectMessages
{
    /// <summary>By the name of the unit test.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<(string Key, string Value)>> Read()
    {
        var yaml = new YamlStream();
        using var file = File.OpenText(Path.Combine(Repository.Root, "redpanda-connect", "connect_benthos_test.yaml"));
        yaml.Load(file);
        var tests = (YamlSequenceNode)yaml.Documents[0].RootNode["tests"];
        return tests.Cast<YamlMappingNode>().ToDictionary(test => Text(test["name"]), MessagesOf);
    }

    private static IReadOnlyList<(string, string)> MessagesOf(YamlMappingNode test)
    {
        var inputs = ((YamlSequenceNode)test["input_batch"]).Cast<YamlMappingNode>().ToList();
        return [.. ((YamlSequenceNode)test["output_batches"]).Cast<YamlSequenceNode>().SelectMany(batch => batch.Cast<YamlMappingNode>())
            .Where(output => !output.Children.ContainsKey("bloblang")) // those fail and do not leave
            .Select(output => MessageOf(output, inputs))];
    }

    private static (string Key, string Value) MessageOf(YamlMappingNode output, List<YamlMappingNode> inputs)
    {
        var named = output.Children.TryGetValue("metadata_equals", out var metadata) ? Text(metadata["key"]) : null;
        if (output.Children.TryGetValue("content_equals", out var content))
            return (named ?? KeyOf(Text(content)), Text(content));
        if (output.Children.TryGetValue("json_equals", out var json))
            return (named ?? KeyOf(Json(json).ToJsonString()), Json(json).ToJsonString());

        // Only its key is demanded: the rest is what went in, in the envelope.
        var input = inputs.First(input =>
            input.Children.ContainsKey("json_content") && input["metadata"] is YamlMappingNode node && node.Children.ContainsKey("table")
            && $"{Text(node["table"])}:{Text(input["json_content"]["id"])}" == named);
        return (named!,
            new JsonObject { ["metadata"] = Json(input["metadata"]), ["payload"] = Json(input["json_content"]) }.ToJsonString());
    }

    private static string KeyOf(string message)
    {
        using var json = JsonDocument.Parse(message);
        return $"{json.RootElement.GetProperty("metadata").GetProperty("table").GetString()}:" +
            $"{json.RootElement.GetProperty("payload").GetProperty("id").GetRawText()}";
    }

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    private static JsonNode Json(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(
            map.Children.Select(pair => KeyValuePair.Create(Text(pair.Key), IsNull(pair.Value) ? null : (JsonNode?)Json(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Json)]),
        YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } plain when long.TryParse(plain.Value, out var number) =>
            JsonValue.Create(number),
        YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: "true" or "false" } plain =>
            JsonValue.Create(plain.Value == "true"),
        var text => JsonValue.Create(Text(text))!,
    };

    private static bool IsNull(YamlNode node) =>
        node is YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain, Value: "null" or "" or "~" };
}
