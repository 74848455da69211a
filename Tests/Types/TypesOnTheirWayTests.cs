using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using FsCheck;
using FsCheck.Fluent;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.Types;

/// <summary>Random values of every type through the whole way: what ClickHouse holds is what PostgreSQL holds, whether a copy, the stream or a second reading brought it, directly and through Kafka.</summary>
public sealed class TypesOnTheirWayTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private const int Count = 40;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A random one, or that which ORACLE_SEED replays.</summary>
    public static TheoryData<int> Seeds => [int.TryParse(Environment.GetEnvironmentVariable("ORACLE_SEED"), out var replayed) ? replayed : Random.Shared.Next()];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Values_of_every_type_arrive_exactly(int seed)
    {
        await using var store = await CreateAsync(seed);
        await store.StartAsync(Cancel);
        await AssertAllWaysAsync(store, seed);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Values_of_every_type_arrive_exactly_through_kafka(int seed)
    {
        await using var store = await CreateAsync(seed);
        var topic = kafka.NewTopic();
        await store.StartStreamingAsync(Cancel, ["--sink", "kafka", .. kafka.Arguments(topic)]);
        await store.StartAsync(Cancel, ["--source", "kafka", .. kafka.Arguments(topic)]);
        await AssertAllWaysAsync(store, seed);
    }

    private static string Table(int number) => $"t{number}";

    private static async Task AssertAllWaysAsync(Store store, int seed)
    {
        await AssertEqualAsync(store, seed, "the copy");

        await store.ExecuteAsync(ForEach((number, type) => $"INSERT INTO {Table(number)} SELECT id + 1000, v{(type.HasArrays ? ", a" : "")}, filler FROM {Table(number)}"), Cancel);
        await AssertEqualAsync(store, seed, "the stream");

        await store.ExecuteAsync(ForEach(table => $"UPDATE {table} SET filler = repeat('y', 300)"), Cancel);
        await AssertEqualAsync(store, seed, "an update that leaves out what lies out of line");

        await store.ExecuteAsync(ForEach(table => $"UPDATE {table} SET id = id + 10000 WHERE id > 1000"), Cancel);
        await AssertEqualAsync(store, seed, "a changed key");
        (await store.QueryAsync("SELECT DISTINCT source_table, reason FROM cdc_dead_letter", Cancel)).Should().BeEmpty();
    }

    private static string ForEach(Func<string, string> statement) => ForEach((number, _) => statement(Table(number)));

    private static string ForEach(Func<int, TypeCase, string> statement) => string.Join(";\n", TypeCase.All.Select((type, number) => statement(number, type)));

    private static async Task AssertEqualAsync(Store store, int seed, string way)
    {
        await using var connection = new NpgsqlConnection(store.Postgres.ConnectionString);
        await connection.OpenAsync(Cancel);
        await ReadAsync(connection, PinnedSession.Sql);
        using var client = new ClickHouseClient(store.ClickHouse.ConnectionString);
        for (var number = 0; number < TypeCase.All.Count; number++)
        {
            var type = TypeCase.All[number];
            var expected = await ReadAsync(connection,
                $"SELECT concat_ws('|', id, coalesce({type.Postgres("v")}, '{type.Null}'), {(type.HasArrays ? $"coalesce({type.ArrayInPostgres("a")}, '')" : "''")}, left(filler, 1)) FROM {Table(number)} ORDER BY id");
            var found =
                $"SELECT concat(toString(id), '|', coalesce({type.ClickHouse("v")}, 'NULL'), '|', {(type.HasArrays ? type.ArrayInClickHouse("a") : "''")}, '|', left(filler, 1)) FROM {Table(number)} FINAL ORDER BY id";
            await Wait.ForAsync(
                async () => FirstDifference(expected, [.. (await client.QueryAsync(found, Cancel)).Select(row => row[0]!)]), difference => difference is null,
                $"{type.Type} to arrive by {way} as it is (ORACLE_SEED={seed}); dead letters: {await store.QueryAsync("SELECT substring(reason, 1, 300) FROM cdc_dead_letter LIMIT 5", Cancel)}; log:\n{store.Log}\n",
                Cancel, TimeSpan.FromSeconds(120));
        }
    }

    private static string? FirstDifference(IReadOnlyList<string> expected, IReadOnlyList<string> found)
    {
        for (var i = 0; i < expected.Count; i++)
        {
            if (i >= found.Count || found[i] != expected[i])
                return $"PostgreSQL has {expected[i]}, ClickHouse {(i < found.Count ? found[i] : "nothing")}";
        }
        return null;
    }

    private static async Task<IReadOnlyList<string>> ReadAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(Cancel);
        var rows = new List<string>();
        while (await reader.ReadAsync(Cancel))
            rows.Add(reader.GetValue(0).ToString()!);
        return rows;
    }

    private async Task<Store> CreateAsync(int seed)
    {
        var store = await Store.CreateAsync(postgres, clickhouse, Cancel);
        await store.ExecuteAsync(TypeCase.Preparation, Cancel);
        var random = new Random(seed);
        for (var number = 0; number < TypeCase.All.Count; number++)
            await store.ExecuteAsync(Rows(number, TypeCase.All[number], (ulong)random.NextInt64()), Cancel);
        await store.ExecuteAsync(
            $"DROP PUBLICATION {Store.Publication}; CREATE PUBLICATION {Store.Publication} FOR TABLE {string.Join(", ", TypeCase.All.Select((_, number) => Table(number)))}", Cancel);

        var tables = await TablesAsync(store);
        store.Model = new StarModel(tables, []);
        foreach (var table in tables)
        {
            var columns = string.Join(", ", table.Columns.Select(column => $"{column.Landing} {column.Type}").Concat(SystemColumns.Landing.Zip(SystemColumns.LandingTypes, (name, type) => $"{name} {type}")));
            await store.QueryAsync($"CREATE TABLE {table.Landing} ({columns}) ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY id", Cancel);
        }
        return store;
    }

    /// <summary>A table with the values, so narrow that what can lie out of line does.</summary>
    private static string Rows(int number, TypeCase type, ulong seed)
    {
        var table = Table(number);
        var values = type.Values.Sample(50, new Rnd(seed, seed | 1), Count).Select(Literal).Append("NULL").ToList();
        var arrays = type.HasArrays ? type.Arrays.Sample(50, new Rnd(seed, seed | 1), Count).Select(Literal).Append("NULL").ToList() : [];
        var rows = values.Select((value, i) => $"({i}, {value}{(type.HasArrays ? $", {arrays[i]}" : "")}, repeat('x', 300))");
        return $"""
            CREATE TABLE {table} (id int PRIMARY KEY, v {type.Type}{(type.HasArrays ? $", a {type.Type}[]" : "")}, filler text NOT NULL STORAGE PLAIN) WITH (toast_tuple_target = 128);
            {(type.IsLong ? $"ALTER TABLE {table} ALTER v SET STORAGE EXTERNAL;" : "")}
            {(type.HasArrays ? $"ALTER TABLE {table} ALTER a SET STORAGE EXTERNAL;" : "")}
            INSERT INTO {table} VALUES {string.Join(", ", rows)};
            """;
    }

    private static string Literal(string text) => $"'{text.Replace("'", "''")}'";

    private static async Task<IReadOnlyList<TableMapping>> TablesAsync(Store store)
    {
        await using var connection = new NpgsqlConnection(store.Postgres.ConnectionString);
        await connection.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand(
            """
            SELECT c.relname::text, a.attname::text, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END),
                coalesce(e.typtype, t.typtype)::text, a.attnotnull
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
            WHERE c.relname ~ '^t\d+$' AND c.relkind = 'r' AND a.attnum > 0 ORDER BY c.relname, a.attnum
            """, connection);
        await using var reader = await command.ExecuteReaderAsync(Cancel);
        var columns = new List<(string Table, ColumnMapping Column)>();
        while (await reader.ReadAsync(Cancel))
        {
            var kind = reader.GetString(3) switch { "e" => PostgresKind.Enum, "c" => PostgresKind.Composite, "r" or "m" => PostgresKind.Range, _ => PostgresKind.Base };
            var (name, type) = (reader.GetString(1), reader.GetString(2));
            var choice = PostgresTypes.For(new PostgresType(type, kind), isNullable: !reader.GetBoolean(4), isCategory: false, asked: null);
            columns.Add((reader.GetString(0), new ColumnMapping(name, type, name, choice.Type ?? throw new InvalidOperationException($"{type} {choice.Refusal}"), IsKey: name == "id")));
        }
        return [.. columns.GroupBy(column => column.Table).Select(table => Mapped.Table(table.Key, [.. table.Select(column => column.Column)]))];
    }
}
