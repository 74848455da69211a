using System.Globalization;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Api;

/// <summary>What one run measures.</summary>
internal sealed record ApiOptions
{
    public const string Usage = """
        Benchmarks api    requests a second and p99 of GET by id and of POST, beside the same statements sent by pgbench

          --seconds N        how long each round of each contender lasts (10)
          --rounds N         how often each contender runs, in turn (3)
          --connections N    clients at a time, each waiting for its answer (16)
          --json FILE        where the figures go (Benchmarks/results/api-<time>.json)
        """;

    public int Seconds { get; private init; } = 10;

    public int Rounds { get; private init; } = 3;

    public int Connections { get; private init; } = 16;

    public string? Json { get; private init; }

    /// <exception cref="BenchmarkException">Something in it is not understood.</exception>
    public static ApiOptions Parse(IReadOnlyList<string> args)
    {
        var options = new ApiOptions();
        for (var i = 0; i < args.Count; i++)
        {
            options = args[i] switch
            {
                "--seconds" => options with { Seconds = Number(Value()) },
                "--rounds" => options with { Rounds = Number(Value()) },
                "--connections" => options with { Connections = Number(Value()) },
                "--json" => options with { Json = Value() },
                var other => throw new BenchmarkException($"The benchmark does not know '{other}'.{Environment.NewLine}{Usage}"),
            };

            string Value() =>
                ++i < args.Count ? args[i] : throw new BenchmarkException($"{args[i - 1]} needs a value.{Environment.NewLine}{Usage}");
        }
        return options;

        static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new BenchmarkException($"'{text}' is no number from 1 on.");
    }
}
