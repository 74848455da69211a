using System.Text.Json;
using System.Text.RegularExpressions;
using AspireCdc.Tests.Fixtures;
using YamlDotNet.RepresentationModel;

namespace AspireCdc.Tests.Telemetry;

/// <summary>The metrics that the files below <c>deploy/</c> name, in Prometheus' spelling.</summary>
internal static partial class NamedMetrics
{
    /// <summary>There only while there is something to tell: a slot with a limit, a copy that runs, a comparison that was made.</summary>
    public static readonly string[] NotAlways =
        ["cdc_slot_safe_wal_size_bytes", "cdc_copy_rows", "cdc_copy_rows_expected", "cdc_verification_differences"];

    public static IReadOnlyList<string> Read() =>
        [.. Dashboard().Concat(Rules()).SelectMany(expression => Metric().Matches(expression).Select(match => match.Value)).Distinct()];

    private static IEnumerable<string> Dashboard() =>
        JsonElement.Parse(File.ReadAllText(Path.Combine(Repository.Root, "deploy", "grafana", "cdc.json"))).GetProperty("panels")
        .EnumerateArray()
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray()).Select(target => target.GetProperty("expr").GetString()!);

    private static IEnumerable<string> Rules()
    {
        var yaml = new YamlStream();
        using var file = File.OpenText(Path.Combine(Repository.Root, "deploy", "prometheus", "cdc-rules.yaml"));
        yaml.Load(file);
        return ((YamlSequenceNode)yaml.Documents[0].RootNode["groups"]).SelectMany(group => (YamlSequenceNode)group["rules"])
            .Select(rule => ((YamlScalarNode)rule["expr"]).Value!);
    }

    [GeneratedRegex(@"\b(cdc|http_server|db_client)_[a-z_]+")]
    private static partial Regex Metric();
}
