using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Fixtures;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using FsCheck;
using FsCheck.Fluent;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.Types;

/// <summary>
/// Random values of every type through the whole way: what ClickHouse holds is what PostgreSQL holds, whether a copy, the stream or a
/// second reading brought it, directly and through Kafka.
/// </summary>
public sealed class TypesOnTheirWayTests(PostgresServer postgres, ClickHouseServer clickhouse, KafkaBroker kafka)
{
    private const int Count = 40;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A random one, or that which ORACLE_SEED replays.</summary>
    public static TheoryData<int> Seeds =>
        [int.TryParse(Environment.GetEnvironmentVariable("ORACLE_SEED"), out var replayed) ? replayed : Random.Shared.Next()];

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

        await store.ExecuteAsync(ForEach((number, type) =>
            $"INSERT INTO {Table(number)} SELECT id + 1000, v{(type.HasArrays ? ", a" : "")}, filler FROM {Table(number)}"), Cancel);
        await AssertEqualAsync(store, seed, "the stream");

        await store.ExecuteAsync(ForEach(table => $"UPDATE {table} SET filler = repeat('y', 300)"), Cancel);
        await AssertEqualAsync(store, seed, "an update that leaves out what lies out of line");

        await store.ExecuteAsync(ForEach(table => $"UPDATE {table} SET id = id + 10000 WHERE id > 1000"), Cancel);
        await AssertEqualAsync(store, seed, "a changed key");
        (await store.QueryAsync("SELECT DISTINCT source_table, reason FROM cdc_dead_letter", Cancel)).Should().BeEmpty();
    }

    private static string ForEach(Func<string, string> statement) => ForEach((number, _) => statement(Table(number)));

    private static string ForEach(Func<int, TypeCase, string> statement) =>
        string.Join(";\n", TypeCase.All.Select((type, number) => statement(number, type)));

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
                $"SELECT concat_ws('|', id, coalesce({type.Postgres("v")}, '{type.Null}'), " +
                $"{(type.HasArrays ? $"coalesce({type.ArrayInPostgres("a")}, '')" : "''")}, left(filler, 1)) FROM {Table(number)} " +
                "ORDER BY id");
            var found =
                $"SELECT concat(toString(id), '|', coalesce({type.ClickHouse("v")}, 'NULL'), '|', " +
                $"{(type.HasArrays ? type.ArrayInClickHouse("a") : "''")}, '|', left(filler, 1)) FROM {Table(number)} FINAL ORDER BY id";
            await Wait.ForAsync(
                async () => FirstDifference(expected, [.. (await client.QueryAsync(found, Cancel)).Select(row => row[0]!)]), difference =>
                    difference is null,
                $"{type.Type} to arrive by {way} as it is (ORACLE_SEED={seed}); dead letters: " +
                $"{await store.QueryAsync("SELECT substring(reason, 1, 300) FROM cdc_dead_letter LIMIT 5", Cancel)}; log:\n{store.Log}\n",
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
            $"DROP PUBLICATION {Store.Publication}; CREATE PUBLICATION {Store.Publication} FOR TABLE " +
            $"{string.Join(", ", TypeCase.All.Select((_, number) => Table(number)))}", Cancel);

        await RealTables.MirrorAsync(store, @"c.relname ~ '^t\d+$'", Cancel);
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
            CREATE TABLE {table} (id int PRIMARY KEY, v {type.Type}{(type.HasArrays ? $", a {type.Type}[]" : "")},
                filler text STORAGE PLAIN NOT NULL) WITH (toast_tuple_target = 128);
            {(type.IsLong ? $"ALTER TABLE {table} ALTER v SET STORAGE EXTERNAL;" : "")}
            {(type.HasArrays ? $"ALTER TABLE {table} ALTER a SET STORAGE EXTERNAL;" : "")}
            INSERT INTO {table} VALUES {string.Join(", ", rows)};
            """;
    }

    private static string Literal(string text) => $"'{text.Replace("'", "''")}'";
}
