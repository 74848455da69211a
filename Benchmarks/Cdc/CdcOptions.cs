using System.Globalization;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc;

/// <summary>What one run measures.</summary>
internal sealed record CdcOptions
{
    public const string Usage = """
        Benchmarks [cdc]    drains a workload and times single commits, our processor beside its peers and the server's own limit

          --changes N       changes to drain, half inserts, half updates, 100 a transaction (1000000)
          --rounds N        how often each contender drains them (3)
          --commits N       single-row commits whose way to the reader is timed; 0 leaves this part out (200)
          --row-mb N        size of a single order whose way is timed likewise, five times; 0 leaves this part out (0)
          --only A,B        only these contenders: limit, recvlogical, materialized, direct, direct-tls, debezium, connector, behind-kafka
          --json FILE       where the figures go (Benchmarks/results/cdc-<time>.json)
          --verbose         shows what the servers and readers log

        KAFKA_HOME names a Kafka distribution (libs/, and Debezium's PostgreSQL connector in plugins/) for the
        contenders that need a broker.
        """;

    public int Changes { get; private init; } = 1_000_000;

    public int Rounds { get; private init; } = 3;

    public int Commits { get; private init; } = 200;

    public int RowMegabytes { get; private init; }

    /// <summary>Empty: all.</summary>
    public IReadOnlyList<string> Only { get; private init; } = [];

    public string? Json { get; private init; }

    public bool Verbose { get; private init; }

    public int Transactions => Math.Max(1, Changes / Workload.ChangesPerTransaction);

    /// <exception cref="BenchmarkException">Something in it is not understood.</exception>
    public static CdcOptions Parse(IReadOnlyList<string> args)
    {
        var options = new CdcOptions();
        for (var i = 0; i < args.Count; i++)
        {
            options = args[i] switch
            {
                "--changes" => options with { Changes = Number(Value(), least: Workload.ChangesPerTransaction) },
                "--rounds" => options with { Rounds = Number(Value(), least: 1) },
                "--commits" => options with { Commits = Number(Value(), least: 0) },
                "--row-mb" => options with { RowMegabytes = Number(Value(), least: 0) },
                "--only" =>
                    options with { Only = Value().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) },
                "--json" => options with { Json = Value() },
                "--verbose" => options with { Verbose = true },
                var other => throw new BenchmarkException($"The benchmark does not know '{other}'.{Environment.NewLine}{Usage}"),
            };

            string Value() =>
                ++i < args.Count ? args[i] : throw new BenchmarkException($"{args[i - 1]} needs a value.{Environment.NewLine}{Usage}");
        }
        return options;

        static int Number(string text, int least) =>
            int.TryParse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var number) && number >= least ? number
                : throw new BenchmarkException($"'{text}' is no number from {least} on.");
    }
}
