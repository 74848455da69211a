using Npgsql;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>
/// Random transactions over the tables of an example, from a seed: few keys, so that rows are deleted and made again, moved and swapped.
/// What the database refuses (a duplicate, a missing parent, a deadlock) rolls its transaction back, as it does for everybody.
/// </summary>
internal sealed class RandomWork(int seed, string connectionString, Example? example = null)
{
    private const int Keys = 25;
    private readonly Random _random = new(seed);
    private readonly DeepWork _deep = new(new Random(seed));

    public int Committed { get; private set; }

    public async Task RunAsync(int transactions, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
        for (var i = 0; i < transactions; i++)
        {
            try
            {
                await TransactAsync(connection, cancellationToken);
            }
            catch (PostgresException)
            {
                // Refused, and rolled back.
            }
        }
    }

    private async Task TransactAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var statements = _random.Next(1, 6);
        for (var i = 0; i < statements; i++)
        {
            var savepoint = _random.Next(4) == 0;
            if (savepoint)
                await transaction.SaveAsync("s", cancellationToken);
            if (example == Example.Deep)
                await ExecuteAsync(connection, _deep.Statement(), cancellationToken);
            else if (_random.Next(12) == 0)
                await CopyAsync(connection, cancellationToken);
            else
                await ExecuteAsync(connection, Statement(), cancellationToken);
            if (savepoint && _random.Next(2) == 0)
                await transaction.RollbackAsync("s", cancellationToken);
        }

        if (_random.Next(6) == 0)
        {
            await transaction.RollbackAsync(cancellationToken);
            return;
        }
        await transaction.CommitAsync(cancellationToken);
        Committed++;
    }

    private string Statement() => _random.Next(27) switch
    {
        0 or 1 or 2 =>
            $"INSERT INTO customer (id, email, name, country, city) VALUES ({Key()}, '{Word()}{_random.Next()}', '{Word()}', " +
            $"'{Word()}', '{Word()}')",
        3 or 4 => $"INSERT INTO product (id, name, category, price) VALUES ({Key()}, '{Word()}', '{Word()}', {Money()})",
        5 or 6 or 7 => $"INSERT INTO \"order\" (id, customer_id, total, status) VALUES ({Key()}, {Key()}, {Money()}, '{Word()}')",
        8 or 9 or 10 =>
            $"INSERT INTO orderitem (id, order_id, product_id, quantity, price) VALUES ({Key()}, {Key()}, {Key()}, " +
            $"{_random.Next(1, 100)}, {Money()})",
        11 => "INSERT INTO orderitem (id, order_id, product_id, quantity, price) SELECT 100 + row_number() OVER (), o.id, p.id, " +
            $"{_random.Next(1, 9)}, {Money()} FROM \"order\" o, product p ON CONFLICT (id) DO UPDATE SET quantity = " +
            "excluded.quantity, order_id = excluded.order_id",
        12 => $"UPDATE customer SET city = '{Word()}'{LongOrShort()} WHERE id = {Key()}",
        13 => $"UPDATE customer SET country = '{Word()}' WHERE id % 3 = {_random.Next(3)}",
        14 => $"UPDATE product SET name = '{Word()}', price = {Money()} WHERE id = {Key()}",
        15 => $"UPDATE \"order\" SET status = '{Word()}', customer_id = {Key()} WHERE id = {Key()}",
        16 => $"UPDATE orderitem SET quantity = quantity + 1, product_id = {Key()} WHERE id = {Key()}",
        17 => $"UPDATE customer SET id = {Key()} WHERE id = {Key()}",
        18 => $"UPDATE \"order\" SET id = {Key()} WHERE id = {Key()}",
        19 => $"UPDATE orderitem SET id = {Key()}, order_id = {Key()} WHERE id = {Key()}",
        20 => $"DELETE FROM customer WHERE id = {Key()}",
        21 => $"DELETE FROM \"order\" WHERE id = {Key()}",
        22 => $"DELETE FROM orderitem WHERE id % 5 = {_random.Next(5)}",
        23 => $"DELETE FROM product WHERE id = {Key()} AND NOT EXISTS (SELECT FROM orderitem WHERE product_id = product.id)",
        24 => $"INSERT INTO customer (id, email, name, country, city) SELECT i, '{_random.Next()}-' || i, '{Word()}', 'XX', 'YY' FROM " +
            $"generate_series({Key()}, {Keys}) i ON CONFLICT (id) DO UPDATE SET city = 'upsert'",
        25 => _random.Next(3) == 0 ? "TRUNCATE orderitem" : $"UPDATE orderitem SET price = {Money()}",
        _ => _random.Next(6) == 0 ? (_random.Next(2) == 0 ? "TRUNCATE customer CASCADE" : "TRUNCATE \"order\" CASCADE")
            : $"UPDATE \"order\" SET total = {Money()}",
    };

    private async Task CopyAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var copy = await connection.BeginTextImportAsync(
            "COPY orderitem (id, order_id, product_id, quantity, price) FROM STDIN", cancellationToken);
        var first = 1000 + _random.Next(1000);
        for (var i = 0; i < _random.Next(1, 60); i++)
            await copy.WriteLineAsync($"{first + i}\t{Key()}\t{Key()}\t{_random.Next(1, 50)}\t{Money()}");
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private int Key() => _random.Next(1, Keys + 1);

    private string Word() => new[] { "alpha", "Bern", "Ünïcode", "tab\tbed", "back\\slash", "quo''te", "new\nline", "" }[_random.Next(8)];

    /// <summary>Now and then values that PostgreSQL stores out of line, which it does with rows of more than 2 kB; later changes
    /// of the row leave them out.</summary>
    private string LongOrShort() => _random.Next(3) == 0
        ? $", name = (SELECT string_agg(chr(128512 + (i * {_random.Next(1, 60)}) % 60), '') FROM generate_series(1, 255) i), email = " +
            $"'{_random.Next()}' || repeat('😀', 240)"
        : $", name = '{Word()}'";

    private string Money() => (_random.Next(1, 10_000_000) / 100m).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
