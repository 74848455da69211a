using System.Diagnostics.CodeAnalysis;

namespace AspireCdc.ClickHouseMigrator.Commands;

/// <summary>What the program is asked to do.</summary>
internal enum Verb
{
    /// <summary>Apply what is pending.</summary>
    Apply,

    /// <summary>Say how each file stands.</summary>
    Status,

    /// <summary>Write the next migration.</summary>
    Add,

    /// <summary>Say whether there is something to add.</summary>
    Check,

    /// <summary>Write a model of a database.</summary>
    Discover,

    /// <summary>Say what there is to ask for.</summary>
    Help,
}

/// <summary>The command line. What has an equals sign before any blank is configuration, and the host's.</summary>
/// <param name="Verb">What to do.</param>
/// <param name="Argument">A migration's name, or a database's connection string.</param>
/// <param name="Options">Options with their values.</param>
internal sealed record CommandLine(Verb Verb, string? Argument, IReadOnlyDictionary<string, string> Options)
{
    /// <summary>What there is to ask for.</summary>
    public const string Usage = """
        ClickHouseMigrator               applies the .sql files of its folder Migrations that the database does not have yet
        ClickHouseMigrator --status      shows how each file stands
        ClickHouseMigrator add NAME      compares entities and facts with star.json, and writes the .sql file that is missing between them
        ClickHouseMigrator add --check   writes nothing; exit code 1 if there is something to add
            --output FOLDER              where they are: by default Shop/ClickHouse of the checkout
        ClickHouseMigrator discover "CONNECTION STRING"   writes a model, and its .sql file, of a PostgreSQL database as it is
            --output FOLDER              where to; by default ./star
            --schema NAME                only this schema's tables
            --publication NAME           the publication that brings them: one that is there is checked, another is made
            --append-only NAME           a table without a key, whose rows are only ever inserted
            --dropped NAME               a table, or table.column, of the last model that is gone on purpose

        ConnectionStrings__clickhouse    Host=…;Port=…;Username=…;Password=…;Database=…
        ClickHouse__Cluster              name of a cluster: statements run ON CLUSTER, with replicated engines
        Cdc__Model                       another model's star.json, with its .sql files beside it
        """;

    private static readonly string[] Valued = ["--output", "--schema", "--publication", "--append-only", "--dropped"];

    /// <summary>The folder that <c>--output</c> names, or the checkout's.</summary>
    public ModelFolder Folder => Options.TryGetValue("--output", out var output) ? new(Path.GetFullPath(output)) : ModelFolder.Find();

    /// <summary>What an option names, that may be said several times.</summary>
    public IReadOnlyList<string> AllOf(string option) =>
        Options.GetValueOrDefault(option, "").Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Reads it.</summary>
    public static bool TryParse(string[] args, [NotNullWhen(true)] out CommandLine? command, [NotNullWhen(false)] out string? complaint)
    {
        var options = new Dictionary<string, string>();
        var words = new List<string>();
        (command, complaint) = (null, null);
        for (var i = 0; i < args.Length; i++)
        {
            if (Valued.Contains(args[i]) && i + 1 < args.Length)
            {
                var option = args[i++];
                options[option] = options.TryGetValue(option, out var before) ? $"{before},{args[i]}" : args[i];
            }
            else
                words.Add(args[i]);
        }

        command = words switch
        {
            _ when words.Exists(word => word.Trim('-') is "help" or "h" or "?") => new(Verb.Help, null, options),
            ["add", "--check"] or ["--check"] or ["add", "--check", ..] when words.Count <= 2 => new(Verb.Check, null, options),
            ["add", var name] when !name.StartsWith('-') => new(Verb.Add, name, options),
            ["discover", var connectionString] => new(Verb.Discover, connectionString, options),
            ["--status", .. var rest] when rest.All(IsConfiguration) => new(Verb.Status, null, options),
            _ when options.Count == 0 && words.All(IsConfiguration) => new(Verb.Apply, null, options),
            _ => null,
        };
        if (command is null)
            complaint = words switch
            {
                ["add"] => "'add' wants a name for the migration, or --check.",
                ["discover"] => "'discover' wants the database's connection string, in quotes.",
                _ => $"ClickHouseMigrator does not know '{words.FirstOrDefault(word => !IsConfiguration(word)) ?? options.Keys.First()}'.",
            };
        return command is not null;
    }

    private static bool IsConfiguration(string word) => word.Contains('=');
}
