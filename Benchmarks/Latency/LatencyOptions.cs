using System.Globalization;
using System.Text;

namespace AspireCdc.Benchmarks.Latency;

/// <summary>Which running graph is timed.</summary>
internal sealed record LatencyOptions
{
    public const string Usage = """
        Benchmarks latency    times rows from POST to visible in ClickHouse, through a graph that runs (dotnet run --project AppHost)

          --api URL           the order API (http://localhost:3002)
          --clickhouse URL    ClickHouse's HTTP interface (http://localhost:18123)
          --user NAME         ClickHouse's user (panda)
          --password TEXT     and password (pandapass)
          --database NAME     and database (local)
          --commits N         rows of each kind (200)

        It deletes what it made.
        """;

    public Uri Api { get; private init; } = new("http://localhost:3002");

    public Uri ClickHouse { get; private init; } = new("http://localhost:18123");

    public string User { get; private init; } = "panda";

    public string Password { get; private init; } = "pandapass";

    public string Database { get; private init; } = "local";

    public int Commits { get; private init; } = 200;

    /// <summary>ClickHouse's credentials as a header has them.</summary>
    public string Credentials => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}"));

    /// <exception cref="FormatException">Something in it is not understood.</exception>
    public static LatencyOptions Parse(IReadOnlyList<string> args)
    {
        var options = new LatencyOptions();
        for (var i = 0; i < args.Count; i++)
        {
            options = args[i] switch
            {
                "--api" => options with { Api = Address(Value()) },
                "--clickhouse" => options with { ClickHouse = Address(Value()) },
                "--user" => options with { User = Value() },
                "--password" => options with { Password = Value() },
                "--database" => options with { Database = Value() },
                "--commits" => options with
                {
                    Commits = int.TryParse(Value(), NumberStyles.None, CultureInfo.InvariantCulture, out var n)
                    && n > 0 ? n : throw new FormatException("--commits must be a number from 1 on.")
                },
                var other => throw new FormatException($"The benchmark does not know '{other}'.{Environment.NewLine}{Usage}"),
            };

            string Value() => ++i < args.Count ? args[i] : throw new FormatException($"{args[i - 1]} needs a value.");
        }
        return options;

        static Uri Address(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri)
            ? uri
            : throw new FormatException($"'{text}' is no address: one looks like http://localhost:3002.");
    }
}
