namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>
/// Settings that no client may change: with them text that the server does not see as SQL, and so cannot look at, is SQL to the engine.
/// </summary>
internal static class ServerSettings
{
    /// <summary>Evaluates what stands in data of the format Values and is no literal.</summary>
    public const string Expressions = "input_format_values_interpret_expressions";

    /// <summary>The same for rows that are alike.</summary>
    public const string Templates = "input_format_values_deduce_templates_of_expressions";

    private static readonly HashSet<string> Names = new(StringComparer.OrdinalIgnoreCase)
    {
        Expressions, Templates, "additional_table_filters", "additional_result_filter", "parallel_replicas_custom_key", "dialect",
        "allow_experimental_eval_table_function",
    };

    public static bool Contains(string name) => Names.Contains(name);

    /// <summary>The refusal of a client that asks for one.</summary>
    public static ClickHouseException Refusal(string name) => ClickHouseException.Raise(
        ErrorCode.AccessDenied, "ACCESS_DENIED", $"Not enough privileges: the setting {name} is not available here");
}
