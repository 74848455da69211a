namespace AspireCdc.ServiceDefaults;

/// <summary>What a statement does, by OpenTelemetry's conventions for the spans of databases: <c>INSERT order_landing</c>.</summary>
public static class StatementSummary
{
    /// <summary>The words behind which a statement names what it is about.</summary>
    private static readonly string[] Introductions = ["INTO", "FROM", "UPDATE", "TABLE", "TABLES", "VIEW", "DATABASE"];

    /// <summary>The statement's first word and, where it has one, its table.</summary>
    public static string NameOf(ReadOnlySpan<char> sql) =>
        Of(sql) is var (operation, table) && table is null ? operation : $"{operation} {table}";

    /// <summary>What a statement does, and to which table.</summary>
    public static (string Operation, string? Table) Of(ReadOnlySpan<char> sql)
    {
        string? operation = null;
        var isNamed = false;
        foreach (var range in sql.SplitAny(" \t\r\n(),;"))
        {
            var word = sql[range];
            if (word.IsEmpty)
                continue;
            operation ??= word is "WITH" ? "SELECT" : word.ToString().ToUpperInvariant();
            if (word is "SELECT")
                isNamed = false; // of a query in the place of a table
            else if (isNamed && word is not ("IF" or "EXISTS" or "NOT"))
                return (operation, string.Concat(word.ToString().Where(letter => letter is not ('`' or '"'))));
            foreach (var introduction in Introductions)
                isNamed |= word.SequenceEqual(introduction);
        }
        return (operation ?? "", null);
    }
}
