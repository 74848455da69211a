using System.Globalization;

namespace AspireCdc.Benchmarks.Growth;

/// <summary>What one run measures.</summary>
internal sealed record GrowthOptions
{
    public const string Usage = """
        Benchmarks growth    what a table's size costs: copying, deriving and comparing all of it, and single changes beside it

          --items A,B       sizes: order items, with a quarter as many orders (1000000,10000000)
          --changes N       single changes of each kind that are timed (20)
          --json FILE       where the figures go (Benchmarks/results/growth-<time>.json)
          --verbose         shows what the servers log
        """;

    public IReadOnlyList<long> Items { get; private init; } = [1_000_000, 10_000_000];

    public int Changes { get; private init; } = 20;

    public string? Json { get; private init; }

    public bool Verbose { get; private init; }

    /// <exception cref="FormatException">Something in it is not understood.</exception>
    public static GrowthOptions Parse(IReadOnlyList<string> args)
    {
        var options = new GrowthOptions();
        for (var i = 0; i < args.Count; i++)
        {
            options = args[i] switch
            {
                "--items" => options with { Items = [.. Value().Split(',').Select(size => Number(size, GrowthStore.LeastItems))] },
                "--changes" => options with { Changes = (int)Number(Value(), least: 1) },
                "--json" => options with { Json = Value() },
                "--verbose" => options with { Verbose = true },
                var other => throw new FormatException($"The benchmark does not know '{other}'.{Environment.NewLine}{Usage}"),
            };

            string Value() =>
                ++i < args.Count ? args[i] : throw new FormatException($"{args[i - 1]} needs a value.{Environment.NewLine}{Usage}");
        }
        return options;

        static long Number(string text, long least) =>
            int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least ? number
                : throw new FormatException($"'{text}' is no number from {least} on.");
    }
}
