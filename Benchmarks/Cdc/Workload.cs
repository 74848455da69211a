using System.Globalization;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>
/// What all contenders drain: transactions that each insert ten orders with four items apiece and update an earlier ten with theirs, and
/// one last update that readers wait for.
/// </summary>
/// <param name="Changes">Changes of rows, the last one included.</param>
/// <param name="LastBegin">A position before the last change and behind all others.</param>
/// <param name="End">A position between the last change and its commit.</param>
internal sealed record Workload(long Changes, ulong LastBegin, ulong End)
{
    public const int ChangesPerTransaction = 100;

    public const int Customers = 10_000, Products = 1_000;

    /// <summary>The status that only the last change sets, on order 1.</summary>
    public const string LastStatus = "last";

    private const int TransactionsPerCall = 500;

    /// <summary>Sums over a copy of the tables that a lost, doubled or stale row would change.</summary>
    public static readonly Fingerprint Landing = new(
        """
        SELECT (SELECT concat_ws(' ', count(*), sum(id), sum(customer_id * (id % 97)), (sum(total * (id % 89)) * 100)::bigint,
            count(*) FILTER (WHERE status = 'shipped'),
                       sum(floor(extract(epoch FROM order_date))::bigint % 1000))
                FROM "order")
            || ' | ' ||
               (SELECT concat_ws(' ', count(*), sum(id), sum(order_id * (id % 97)), sum(product_id * (id % 89)), sum(quantity * (id % 83)),
                   (sum(price * (id % 79)) * 100)::bigint)
                FROM orderitem)
        """,
        """
        SELECT (SELECT arrayStringConcat([toString(count()), toString(sum({order:id})), toString(sum(customer_id * ({order:id} % 97))),
            toString(toInt64(sum(total * ({order:id} % 89)) * 100)),
                       toString(countIf(status = 'shipped')), toString(sum(toUnixTimestamp(order_date) % 1000))], ' ')
                FROM {order})
            || ' | ' ||
               (SELECT arrayStringConcat([toString(count()), toString(sum({item:id})), toString(sum(order_id * ({item:id} % 97))),
                   toString(sum(product_id * ({item:id} % 89))),
                       toString(sum(quantity * ({item:id} % 83))), toString(toInt64(sum(price * ({item:id} % 79)) * 100))], ' ')
                FROM {item})
        """);

    /// <summary>The same for the star.</summary>
    public static readonly Fingerprint Star = new(
        """
        SELECT (SELECT concat_ws(' ', count(*), (sum(total * (customer_id % 97)) * 100)::bigint,
            count(*) FILTER (WHERE country = 'Country 7'), count(*) FILTER (WHERE status = 'shipped'))
                FROM "order" JOIN customer ON customer.id = customer_id)
            || ' | ' ||
               (SELECT concat_ws(' ', count(*), (sum(orderitem.price * quantity * (orderitem.id % 97)) * 100)::bigint,
                   count(*) FILTER (WHERE country = 'Country 7'),
                       count(*) FILTER (WHERE status = 'shipped'), count(*) FILTER (WHERE category = 'Category 3'))
                FROM orderitem JOIN "order" ON "order".id = order_id JOIN customer ON customer.id = customer_id
                    JOIN product ON product.id = product_id)
        """,
        """
        SELECT (SELECT arrayStringConcat([toString(count()), toString(toInt64(sum(total * (customer_id % 97)) * 100)),
            toString(countIf(country = 'Country 7')),
                       toString(countIf(status = 'shipped'))], ' ')
                FROM order_fact)
            || ' | ' ||
               (SELECT arrayStringConcat([toString(count()), toString(toInt64(sum(revenue * (orderitem_id % 97)) * 100)),
                   toString(countIf(country = 'Country 7')),
                       toString(countIf(status = 'shipped')), toString(countIf(category = 'Category 3'))], ' ')
                FROM orderitem_fact)
        """);

    /// <summary>Commits the whole workload.</summary>
    public static async Task<Workload> WriteAsync(
        StoreDatabase database, int transactions, Action<int> progress, CancellationToken cancellationToken)
    {
        await database.ExecuteAsync(
            """
            CREATE PROCEDURE benchmark_workload(first int, last int) LANGUAGE plpgsql AS $$
            DECLARE
                earlier int;
            BEGIN
                FOR n IN first..last LOOP
                    INSERT INTO "order" (id, customer_id, total, status) OVERRIDING SYSTEM VALUE
                    SELECT n * 10 + i, 1 + (n * 10 + i) % 9973, (n % 900) + i + 0.25, 'pending' FROM generate_series(1, 10) i;
                    INSERT INTO orderitem (id, order_id, product_id, quantity, price) OVERRIDING SYSTEM VALUE
                    SELECT n * 40 + i, n * 10 + 1 + (i - 1) / 4, 1 + (n * 40 + i) % 997, 1 + i % 7, (n % 90) + 0.75
                        FROM generate_series(1, 40) i;
                    earlier := (n::bigint * 7919) % (n + 1);
                    UPDATE "order" SET status = 'shipped', total = total + 1 WHERE id BETWEEN earlier * 10 + 1 AND earlier * 10 + 10;
                    UPDATE orderitem SET quantity = quantity + 1 WHERE id BETWEEN earlier * 40 + 1 AND earlier * 40 + 40;
                    COMMIT;
                END LOOP;
            END $$
            """, cancellationToken);
        for (var first = 0; first < transactions; first += TransactionsPerCall)
        {
            var last = Math.Min(first + TransactionsPerCall, transactions) - 1;
            await database.ExecuteAsync(
                string.Create(CultureInfo.InvariantCulture, $"CALL benchmark_workload({first}, {last})"), cancellationToken);
            progress(last + 1);
        }

        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn";
        var begin = (ulong)(decimal)(await command.ExecuteScalarAsync(cancellationToken))!;
        await using var update = connection.CreateCommand();
        update.CommandText = $"""UPDATE "order" SET status = '{LastStatus}' WHERE id = 1""";
        await update.ExecuteNonQueryAsync(cancellationToken);
        var end = (ulong)(decimal)(await command.ExecuteScalarAsync(cancellationToken))!;
        await transaction.CommitAsync(cancellationToken);
        return new Workload(((long)transactions * ChangesPerTransaction) + 1, begin, end);
    }
}

/// <summary>One question, asked of PostgreSQL and of a copy in ClickHouse: equal answers, equal contents.</summary>
/// <param name="Postgres">In PostgreSQL's SQL.</param>
/// <param name="ClickHouse">In ClickHouse's, with <c>{order}</c>, <c>{order:id}</c>, <c>{item}</c> and
/// <c>{item:id}</c> for the copy's names.</param>
internal sealed record Fingerprint(string Postgres, string ClickHouse)
{
    public Fingerprint Over(string order, string orderId, string item, string itemId) => this with
    {
        ClickHouse = ClickHouse.Replace("{order}", order).Replace("{order:id}", orderId).Replace("{item}", item)
            .Replace("{item:id}", itemId),
    };

    /// <summary>Null where the copy is right, else what differs.</summary>
    public async Task<string?> DifferenceAsync(StoreDatabase database, ClickHouseServer copy, CancellationToken cancellationToken)
    {
        var expected = await database.ScalarAsync<string>(Postgres, cancellationToken);
        var found = await copy.QueryAsync(ClickHouse, cancellationToken);
        return expected == found ? null : $"PostgreSQL has {expected}, the copy {found}";
    }
}
