using System.Reflection;
using AspireCdc.ClickHouseMigrator.Definitions;
using AspireCdc.Star.Difference;
using AspireCdc.Star.Model;

namespace AspireCdc.ClickHouseMigrator.Commands;

/// <summary><c>add NAME</c> writes the way from the last model to the definitions; <c>--check</c> says whether there is one.</summary>
/// <param name="definition">What the definitions say.</param>
/// <param name="folder">Where model and migrations are.</param>
/// <param name="output">Where it says what it does.</param>
internal sealed class AddCommand(Definition definition, ModelFolder folder, TextWriter output)
{
    /// <summary>The assembly of entities and facts.</summary>
    private const string Definitions = "Shop";

    /// <summary>Over the definitions of the folder <c>Shop</c>.</summary>
    /// <exception cref="DefinitionException">They are wrong.</exception>
    public static AddCommand Create(ModelFolder folder, TextWriter output) =>
        new(DefinitionReader.Read(Assembly.Load(Definitions)), folder, output);

    /// <summary>Writes the next migration and the model.</summary>
    /// <param name="name">What the migration is called.</param>
    /// <exception cref="MigrationException">The name is none for a file, or the difference cannot be told.</exception>
    public void Add(string name)
    {
        if (name.Length == 0 || !name.All(character => char.IsLetterOrDigit(character) || character is '_' or '-'))
            throw new MigrationException($"'{name}' is no name for a migration: take letters, digits, '_' and '-'.");

        var difference = Compare();
        Directory.CreateDirectory(folder.Path);
        if (difference.Operations.Count == 0)
        {
            output.WriteLine(
                IsWritten ? "Nothing to add: the definitions say what star.json says." : "No table changes; star.json is written anew.");
            if (!IsWritten)
                folder.WriteModel(definition.Model);
            return;
        }

        var file = folder.NextName(name);
        folder.WriteMigration(file, MigrationScript.Write(difference));
        folder.WriteModel(definition.Model);
        output.WriteLine($"{file}.sql and {StarFile.Name} are written to {folder.Path}:");
        Say(difference);
        output.WriteLine("The migrator applies it at its next start, and the processor does its part at the start after that.");
    }

    /// <summary>Whether file and definitions say the same; if they do not, in what they differ.</summary>
    /// <exception cref="MigrationException">The difference cannot be told.</exception>
    public bool Check()
    {
        var difference = Compare();
        if (IsWritten)
        {
            output.WriteLine("The definitions say what star.json says.");
            return true;
        }

        output.WriteLine(
            $"{folder.ModelFile} is not what the definitions say: run 'ClickHouseMigrator add <name>', and commit what it writes.");
        Say(difference);
        return false;
    }

    private bool IsWritten => folder.HasWritten(definition.Model);

    private ModelDifference Compare()
    {
        var difference = ModelDifference.Between(folder.ReadModel(), definition.Model, definition.Said);
        return difference.Faults.Count == 0 ? difference
            : throw new MigrationException(
                "Nothing is written, since it cannot be told what became of " +
                $"something:{string.Concat(difference.Faults.Select(fault => $"{Environment.NewLine}  - {fault}."))}");
    }

    private void Say(ModelDifference difference)
    {
        foreach (var operation in difference.Operations)
            output.WriteLine($"  - {operation.Sentence}");
    }
}
