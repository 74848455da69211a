using System.Text;

namespace AspireCdc.Star.Difference;

/// <summary>A difference as a file of SQL.</summary>
internal static class MigrationScript
{
    /// <summary>The file's text: each step's sentence as a comment, and its statements.</summary>
    public static string Write(ModelDifference difference)
    {
        var text = new StringBuilder("-- Written by 'ClickHouseMigrator add'. Every statement may run twice, and none names a database.\n");
        foreach (var operation in difference.Operations)
        {
            text.Append("\n-- ").Append(operation.Sentence).Append('\n');
            foreach (var statement in operation.Statements)
                text.Append(statement).Append(";\n");
        }
        return text.ToString();
    }
}
