using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using AspireCdc.Star.Types;

namespace AspireCdc.Star.Model;

/// <summary>
/// The model as a file, <c>star.json</c>: the processor's mapping, what init-db takes publication and grants from, and the base
/// of the next difference. Its schema is
/// <c>star.schema.json</c>.
/// </summary>
internal static class StarFile
{
    /// <summary>The file's name beside the migrations.</summary>
    public const string Name = "star.json";

    /// <summary>Its schema's name beside it.</summary>
    public const string SchemaName = "star.schema.json";

    /// <summary>The version of the form that this program reads and writes.</summary>
    public const int Version = 1;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        Converters = { new ColumnTypeConverter() },
    };

    /// <summary>Reads and checks a model.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="StarModelException">It is not there or wrong; the message has a sentence for each fault.</exception>
    public static StarModel Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StarModelException(
                $"The model {path} cannot be read ({e.Message}): 'ClickHouseMigrator add' writes it, " +
                "and Cdc:Model (Cdc__Model) names another.");
        }
    }

    /// <summary>The same from text.</summary>
    /// <param name="json">The file's text.</param>
    /// <param name="path">What errors call it.</param>
    public static StarModel Parse(string json, string path)
    {
        Content content;
        try
        {
            content = JsonSerializer.Deserialize<Content>(json, Options) ?? throw new JsonException("It is null.");
        }
        catch (JsonException e)
        {
            throw new StarModelException(
                $"The model {path} is wrong at {e.Path ?? "$"}{(e.LineNumber is { } line ? $" (line {line + 1})" : "")}: {e.Message}");
        }
        if (content.Version != Version)
            throw new StarModelException(
                $"The model {path} has version {content.Version}, and this program reads version {Version}: use the program that wrote " +
                "it, or write it anew with 'ClickHouseMigrator add'.");

        var model = new StarModel(content.Tables, content.Facts);
        var faults = ModelCheck.FaultsOf(model);
        return faults.Count == 0 ? model : throw new StarModelException($"The model {path} is wrong: {string.Join("; ", faults)}.");
    }

    /// <summary>The file's text, the same for the same model, with a line feed at its end.</summary>
    public static string Write(StarModel model) =>
        JsonSerializer.Serialize(new Content(Version, model.Tables, model.Facts), Options) + "\n";

    /// <summary>The JSON schema of the file, for editors.</summary>
    public static string WriteSchema()
    {
        var schema = (JsonObject)Options.GetJsonSchemaAsNode(typeof(Content), new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = (context, node) =>
                context.TypeInfo.Type == typeof(ColumnType) ? new JsonObject { ["type"] = "string" } : node,
        });
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.Insert(1, "title", "What is mirrored from PostgreSQL to ClickHouse, and the facts that are derived of it");
        return schema.ToJsonString(Options) + "\n";
    }

    /// <summary>A fact's definition in one line: equal texts are equal definitions.</summary>
    public static string Write(FactMapping fact) => JsonSerializer.Serialize(fact, Compact);

    /// <summary>Reads what <see cref="Write(FactMapping)"/> wrote; null if this program cannot.</summary>
    public static FactMapping? ReadFact(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<FactMapping>(json, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonSerializerOptions Compact { get; } = new(Options) { WriteIndented = false };

    /// <summary>The file.</summary>
    private sealed record Content(int Version, IReadOnlyList<TableMapping> Tables, IReadOnlyList<FactMapping> Facts)
    {
        [JsonPropertyName("$schema"), JsonPropertyOrder(-1)]
        public string Schema { get; init; } = SchemaName;
    }

    private sealed class ColumnTypeConverter : JsonConverter<ColumnType>
    {
        public override ColumnType Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetString() is { } name && ColumnType.TryParse(name, out var type)
                ? type
                : throw new JsonException(
                    $"'{reader.GetString()}' is no type that values can be written to; docs/types.md has those that are.");

        public override void Write(Utf8JsonWriter writer, ColumnType value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Name);
    }
}

/// <summary>A model that cannot be used; the message names each fault with its path and cure.</summary>
internal sealed class StarModelException(string message) : Exception(message);
