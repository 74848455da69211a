using AspireCdc.AppHost.Doctor;
using AspireCdc.AppHost.Embedded;
using AspireCdc.AppHost.Sql;

namespace AspireCdc.AppHost;

/// <summary>What AppHost can be asked for on its command line.</summary>
internal static class CommandLine
{
    private const string Help = """
        dotnet run --project AppHost [-- OPTIONS]    starts PostgreSQL, ClickHouse, the API, the change processor and the dashboard
        dotnet run --project AppHost -- sql postgres|clickhouse "SELECT …"    asks a database of the running stack
        dotnet run --project AppHost -- doctor [--json]    examines the stack, running or not, and says what to do; exit code 0 if all is well
                                        of other servers and names: --ConnectionStrings:shop|clickhouse=… --Cdc:Slot|Publication|Role=…

          --stack embedded|containers   which backends (default: embedded where the platform has it; or ASPIRECDC_STACK)
          --reset                       start with empty databases
          --state FOLDER                where the databases keep their files (default: .aspirecdc in the repository)
          --connector redpanda-connect|builtin   containers: what reads PostgreSQL (default: builtin, or Redpanda Connect where REDPANDA_LICENSE is set)
          --processors N                containers: how many processors share the topic (default: 1)
          --Ports:NAME=PORT             NAME is Postgres (5434), ClickHouse (18123), Api (3002), Processor (4196), Dashboard (18888), and with
                                        containers Kafka (19092) and ProcessorBehindKafka (4197); 0 takes any free port
          --Parameters:NAME=VALUE       NAME is postgres-password, clickhouse-password, cdc-password or operations-token
          --help                        this text

        dotnet run --project AppHost -p:Deployment=true -- --operation publish --step publish --output-path FOLDER [--target compose|kubernetes]
                                        writes the graph down to be deployed: a docker-compose.yaml (the default) or a Helm chart
        """;

    private static readonly string[] Switches = ["--reset"];
    private static readonly string[] Options =
    [
        "--stack", "--state", "--connector", "--processors",
        // What `aspire publish` and `aspire deploy` hand to AppHost, and which of the two descriptions to write.
        "--target", "--operation", "--publisher", "--step", "--output-path", "--log-level", "--include-exception-details", "--clear-cache",
        "--environment",
    ];

    private static readonly string[] Settings =
    [
        .. Ports.Names.Select(name => $"--Ports:{name}"), "--Parameters:postgres-password", "--Parameters:clickhouse-password",
        "--Parameters:cdc-password",
        "--Parameters:operations-token",
    ];

    /// <summary>Carries out what is no start of the stack, and returns its exit code; null means that the stack is to be started.</summary>
    public static async Task<int?> RunAsync(string[] args)
    {
        switch (args)
        {
            case [PostgresCommand.Verb, .. var rest]:
                return await PostgresCommand.RunAsync(
                    await EmbeddedBinaries.EnsureAsync(Checkout.AppHostFolder, Console.WriteLine, CancellationToken.None), rest);
            case [DoctorCommand.Verb, .. var rest]:
                return await DoctorCommand.RunAsync(rest, Console.Out, CancellationToken.None);
            case ["sql", .. var rest]:
                return await SqlCommand.RunAsync(rest);
            case var _ when args.Any(arg => arg is "--help" or "-h" or "-?" or "help"):
                Console.WriteLine(Help);
                return 0;
            default:
                return null;
        }
    }

    /// <summary>The options as configuration takes them: each with its value behind an equals sign.</summary>
    /// <param name="args">The options.</param>
    /// <param name="more">Settings that are known beside those of a start.</param>
    /// <exception cref="AppHostException">One is unknown or lacks its value.</exception>
    public static string[] ToConfiguration(string[] args, params string[] more)
    {
        var settings = new List<string>();
        for (var i = 0; i < args.Length; i++)
        {
            var (name, value) = Split(args[i]);
            if (Switches.Contains(name, StringComparer.OrdinalIgnoreCase))
                value ??= "true";
            else if (Options.Concat(Settings).Concat(more).Contains(name, StringComparer.OrdinalIgnoreCase))
                value ??= ++i < args.Length
                    ? args[i]
                    : throw new AppHostException($"The option {name} needs a value. --help shows the options.");
            else
                throw new AppHostException($"AppHost does not know '{args[i]}'. --help shows the options.");
            settings.Add($"{name}={value}");
        }

        return [.. settings];
    }

    private static (string Name, string? Value) Split(string arg) =>
        arg.IndexOf('=') is > 0 and var at ? (arg[..at], arg[(at + 1)..]) : (arg, null);
}
