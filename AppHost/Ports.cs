using System.Globalization;
using System.Net.NetworkInformation;
using Microsoft.Extensions.Configuration;

namespace AspireCdc.AppHost;

/// <summary>The ports of the stack: well known in development, any that are free in tests.</summary>
internal sealed class Ports(IConfiguration? configuration)
{
    /// <summary>Those of the servers themselves: in a deployment each has an address of its own.</summary>
    public static readonly Ports OfServers = new(configuration: null);

    private static readonly Dictionary<string, int> Defaults = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Postgres"] = 5434,
        ["ClickHouse"] = 18123,
        ["Api"] = 3002,
        ["Processor"] = 4196,
        ["Dashboard"] = 18888,
        ["Kafka"] = 19092,
        ["ProcessorBehindKafka"] = 4197,
    };

    public static IEnumerable<string> Names => Defaults.Keys;

    public int? Postgres => Of(nameof(Postgres));

    public int? ClickHouse => Of(nameof(ClickHouse));

    public int? Api => Of(nameof(Api));

    public int? Processor => Of(nameof(Processor));

    public int? Dashboard => Of(nameof(Dashboard));

    public int? Kafka => Of(nameof(Kafka));

    public int? ProcessorBehindKafka => Of(nameof(ProcessorBehindKafka));

    /// <summary>Waits no longer than <paramref name="patience"/> until all of them are free.</summary>
    /// <exception cref="AppHostException">One is taken.</exception>
    public async Task EnsureFreeAsync(bool withKafka, TimeSpan patience, CancellationToken cancellationToken)
    {
        var wanted = Fixed(withKafka);
        if (wanted.GroupBy(port => port.Port).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new AppHostException(
                $"Port {twice.Key} is wanted twice, for {string.Join(" and ", twice.Select(port => $"Ports:{port.Name}"))}.");

        // The processes of a run that was killed are being ended, and the operating system gives no signal when a port becomes free.
        var deadline = TimeProvider.System.GetTimestamp();
        while (wanted.Find(port => IsTaken(port.Port)) is { Port: > 0 and var port } taken)
        {
            if (TimeProvider.System.GetElapsedTime(deadline) >= patience)
                throw new AppHostException(
                    $"Port {port} for {taken.Name} is " +
                    $"taken{(await PortHolder.FindAsync(port, cancellationToken) is { } holder ? $" by {holder}" : "")}. "
                    + $"Stop that, or choose another port: --Ports:{taken.Name}={port + 1}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
        }
    }

    /// <summary>Those that are not just any that is free.</summary>
    public List<(string Name, int Port)> Fixed(bool withKafka) =>
    [
        .. Names.Where(name => withKafka || name is not (nameof(Kafka) or nameof(ProcessorBehindKafka)))
            .Select(name => (Name: name, Port: Of(name))).Where(port => port.Port is not null)
            .Select(port => (port.Name, port.Port!.Value)),
    ];

    /// <summary>Somebody listens there.</summary>
    public static bool IsTaken(int port) =>
        IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Any(listener => listener.Port == port);

    /// <summary>Null where any free port will do: 0, or a test.</summary>
    private int? Of(string name)
    {
        if (configuration is null || configuration.GetValue<bool>("DcpPublisher:RandomizePorts"))
            return null;
        if (configuration[$"Ports:{name}"] is not { } text)
            return Defaults[name];
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65535
            ? port == 0 ? null : port
            : throw new AppHostException($"Ports:{name} is '{text}'; it takes a port from 1 to 65535, or 0 for any that is free.");
    }
}
