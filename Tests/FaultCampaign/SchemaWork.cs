using AspireCdc.Tests.CdcProcessor;
using Npgsql;

namespace AspireCdc.Tests.FaultCampaign;

/// <summary>
/// What is done to the tables themselves, by chance, while rows change and servers are killed. Whatever it is leaves the tables as the
/// model has them, however often a server goes away in the middle.
/// </summary>
internal sealed class SchemaWork(Store shop, Random random)
{
    private const string Publication = Store.Publication;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>It is done already: the answer to the first attempt was lost with its connection.</summary>
    private static readonly string[] Done =
        [PostgresErrorCodes.UndefinedColumn, PostgresErrorCodes.DuplicateColumn, PostgresErrorCodes.UndefinedObject,
            PostgresErrorCodes.DuplicateObject];

    /// <summary>Does something; returns its name.</summary>
    public async Task<string> RunAsync(CancellationToken cancellationToken)
    {
        switch (random.Next(7))
        {
            case 0:
                await DoAsync(
                    "ALTER TABLE customer ADD COLUMN IF NOT EXISTS note text DEFAULT 'n'; "
                    + "ALTER TABLE customer DROP COLUMN IF EXISTS old_note; ALTER TABLE customer RENAME note TO old_note",
                    cancellationToken);
                return "columns";
            case 1:
                await DoAsync($"VACUUM FULL {(random.Next(2) == 0 ? "orderitem" : "customer")}", cancellationToken);
                return "vacuum full";
            case 2:
                // Another type each time: without the event triggers that is what tells it from VACUUM FULL.
                await DoAsync(
                    """
                    DO $$ BEGIN
                        EXECUTE format('ALTER TABLE product ALTER price TYPE numeric(%s,2) USING price + 0.01', (
                            SELECT CASE (atttypmod - 4) >> 16 WHEN 12 THEN 13 ELSE 12 END FROM pg_attribute
                            WHERE attrelid = 'product'::regclass AND attname = 'price'));
                    END $$
                    """, cancellationToken);
                return "values rewritten";
            case 3:
                await DoAsync(
                    $"ALTER TABLE product DROP category, ADD category varchar(100) NOT NULL DEFAULT 'made {random.Next(100)}'",
                    cancellationToken);
                return "column made anew";
            case 4:
                await DoAsync("ALTER TABLE product RENAME category TO kind", cancellationToken);
                await DoAsync("UPDATE product SET price = price + 1", cancellationToken);
                await Task.Delay(random.Next(0, 4000), cancellationToken);
                await DoAsync("ALTER TABLE product RENAME kind TO category", cancellationToken);
                return "column gone for a while";
            case 5:
                await DoAsync(
                    $"""
                    ALTER TABLE orderitem RENAME TO orderitem_old; CREATE TABLE orderitem (LIKE orderitem_old INCLUDING ALL);
                    INSERT INTO orderitem SELECT id, order_id, product_id, quantity + 1, price FROM orderitem_old;
                    ALTER TABLE orderitem
                        ADD FOREIGN KEY (order_id) REFERENCES "order" ON DELETE CASCADE, ADD FOREIGN KEY (product_id) REFERENCES product;
                    ALTER PUBLICATION {Publication} ADD TABLE orderitem; DROP TABLE orderitem_old
                    """, cancellationToken);
                return "table replaced";
            default:
                var (withhold, give) = random.Next(3) switch
                {
                    0 => ("DROP TABLE customer", "ADD TABLE customer"),
                    1 => ("SET (publish = 'insert, update')", "SET (publish = 'insert, update, delete, truncate')"),
                    _ => ("SET TABLE customer (id, email, name, country, created_at), product, \"order\", orderitem",
                        "SET TABLE customer, product, \"order\", orderitem"),
                };
                await DoAsync($"ALTER PUBLICATION {Publication} {withhold}", cancellationToken);
                await Task.Delay(random.Next(0, 4000), cancellationToken);
                await DoAsync($"ALTER PUBLICATION {Publication} {give}", cancellationToken);
                return "publication";
        }
    }

    /// <summary>Once, or as often as a server goes away before it answers.</summary>
    private async Task DoAsync(string statement, CancellationToken cancellationToken)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (true)
        {
            try
            {
                await ExecuteAsync(statement, cancellationToken);
                return;
            }
            catch (PostgresException e) when (Done.Contains(e.SqlState))
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException or IOException && DateTime.UtcNow < deadline)
            {
                await Task.Delay(300, cancellationToken);
            }
        }
    }

    // VACUUM stands alone in its statement.
    private async Task ExecuteAsync(string statement, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(shop.Postgres.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        // A lock that does not come holds up all that queues behind it.
        foreach (var sql in (string[])["SET lock_timeout = '5s'", statement])
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
