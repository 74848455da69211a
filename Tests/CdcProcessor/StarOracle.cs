using AspireCdc.Tests.Fixtures;
using Npgsql;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>The invariant: once the stream is drained, every table in ClickHouse equals the SQL over PostgreSQL, row
/// for row and value for value.</summary>
internal static class StarOracle
{
    private const string Time = "YYYY-MM-DD HH24:MI:SS.US";

    /// <summary>Each table's rows as text in key order, from both sides in the same form.</summary>
    public static IReadOnlyList<(string Name, string Postgres, string ClickHouse)> Tables { get; } =
    [
        ("customer_dim",
            $"SELECT id, name, email, country, city, to_char(created_at AT TIME ZONE 'UTC', '{Time}') FROM customer ORDER BY id",
            "SELECT customer_id, customer_name, customer_email, country, city, created_at FROM customer_dim ORDER BY customer_id"),
        ("product_dim",
            $"SELECT id, name, category, price, to_char(created_at AT TIME ZONE 'UTC', '{Time}') FROM product ORDER BY id",
            "SELECT product_id, product_name, category, price, created_at FROM product_dim ORDER BY product_id"),
        ("order_landing",
            $"SELECT id, customer_id, to_char(order_date AT TIME ZONE 'UTC', '{Time}'), status, total FROM \"order\" ORDER BY id",
            "SELECT order_id, customer_id, order_date, status, total FROM order_landing ORDER BY order_id"),
        ("orderitem_landing",
            "SELECT id, order_id, product_id, quantity, price FROM orderitem ORDER BY id",
            "SELECT orderitem_id, order_id, product_id, quantity, price FROM orderitem_landing ORDER BY orderitem_id"),
        ("order_fact",
            $"""
            SELECT o.id, to_char(o.order_date AT TIME ZONE 'UTC', '{Time}'), o.status, o.total, o.customer_id, c.name, c.email, c.country,
                c.city
            FROM "order" o JOIN customer c ON c.id = o.customer_id ORDER BY o.id
            """,
            "SELECT order_id, order_date, status, total, customer_id, customer_name, customer_email, " +
            "country, city FROM order_fact ORDER BY order_id"),
        ("orderitem_fact",
            $"""
            SELECT i.id, i.order_id, to_char(o.order_date AT TIME ZONE 'UTC', '{Time}'), o.status, o.customer_id, c.country, c.city,
                i.product_id, p.name, p.category,
                i.quantity, i.price, i.quantity * i.price
            FROM orderitem i JOIN "order" o ON o.id = i.order_id JOIN customer c ON c.id = o.customer_id
                JOIN product p ON p.id = i.product_id ORDER BY i.id
            """,
            """
            SELECT orderitem_id, order_id, order_date, status, customer_id, country, city, product_id, product_name, category, quantity,
                price, revenue
            FROM orderitem_fact ORDER BY orderitem_id
            """),
    ];

    public static async Task<IReadOnlyList<string>> ReadPostgresAsync(
        TestDatabase database, string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        // The text form that both servers print: values by tab, with the same escapes.
        using var reader = await connection.BeginTextExportAsync($"COPY ({sql}) TO STDOUT", cancellationToken);
        var text = await reader.ReadToEndAsync(cancellationToken);
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Empty, or the first rows that differ.</summary>
    public static async Task<string> CompareAsync(
        TestClickHouse database, string sql, IReadOnlyList<string> expected, CancellationToken cancellationToken)
    {
        var text =
            await database.QueryAsync(sql + " SETTINGS output_format_decimal_trailing_zeros = 1 FORMAT TabSeparated", cancellationToken);
        // ClickHouse escapes the apostrophe, too.
        var actual = text.Replace("\\'", "'").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var missing = expected.Except(actual).Take(3).ToList();
        var surplus = actual.Except(expected).Take(3).ToList();
        if (missing.Count == 0 && surplus.Count == 0 && actual.Length == expected.Count)
            return "";
        return $"{actual.Length} rows instead of {expected.Count};\n missing: {string.Join("\n          ", missing)}\n surplus: " +
            $"{string.Join("\n          ", surplus)}";
    }
}
