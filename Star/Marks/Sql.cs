namespace AspireCdc.Star;

/// <summary>For expressions of a fact that have no translation.</summary>
public static class Sql
{
    /// <summary>
    /// ClickHouse's own SQL in the place of an expression: <c>Sql.Raw&lt;string&gt;($"upper({order.Status})")</c>. Its holes are
    /// translated; PostgreSQL is not asked for it.
    /// </summary>
    /// <typeparam name="T">The type that it has.</typeparam>
    /// <param name="sql">The SQL.</param>
    /// <returns>Nothing: it is never run.</returns>
    /// <exception cref="InvalidOperationException">Always: it stands in definitions only.</exception>
    public static T Raw<T>(FormattableString sql) =>
        throw new InvalidOperationException($"Sql.Raw stands in a fact's definition only, and is not run: {sql.Format}");
}
