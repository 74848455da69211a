using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Cdc.Contenders;

/// <summary>An Apache Kafka broker from the distribution that <c>KAFKA_HOME</c> names: one node, loopback, started
/// when somebody first needs it.</summary>
internal sealed partial class KafkaBroker(string home, TemporaryFolder folder, Action<string> log) : IAsyncDisposable
{
    private const string ClusterId = "AspireCdcBenchmark1234";

    private static readonly TimeSpan StartDeadline = TimeSpan.FromMinutes(2);

    private readonly SemaphoreSlim _starting = new(1);
    private readonly int _port = FreePort.Next();
    private BuiltProgram? _program;

    public string BootstrapServers => $"127.0.0.1:{_port}";

    /// <summary>From the names of its libraries.</summary>
    public string Version { get; } = Directory.EnumerateFiles(Path.Combine(home, "libs"), "kafka-clients-*.jar")
        .Select(jar => JarVersion().Match(Path.GetFileName(jar)).Groups[1].Value).FirstOrDefault() ?? "unknown";

    /// <summary>Where Connect finds its connectors.</summary>
    public string Plugins => Path.Combine(home, "plugins");

    /// <summary>Null where there is none.</summary>
    public static KafkaBroker? Find(TemporaryFolder folder, Action<string> log) =>
        MissingBecause() is null ? new(Environment.GetEnvironmentVariable("KAFKA_HOME")!, folder, log) : null;

    /// <summary>Why there can be no broker here, or null.</summary>
    public static string? MissingBecause()
    {
        if (Environment.GetEnvironmentVariable("KAFKA_HOME") is not { Length: > 0 } home)
            return "KAFKA_HOME does not name a Kafka distribution";
        if (!Directory.Exists(Path.Combine(home, "libs")))
            return $"KAFKA_HOME is {home}, which has no libs/";
        var paths = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return paths.Any(path => File.Exists(Path.Combine(path, "java"))) ? null : "java is not on PATH";
    }

    /// <summary>Starts the broker unless it runs.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_program is not null)
                return;
            var configuration = await ConfigureAsync(cancellationToken);
            await using (var format = Java("kafka format", "kafka.tools.StorageTool",
                ["format", "--ignore-formatted", "--cluster-id", ClusterId, "--config", configuration]))
                await format.SucceededAsync(cancellationToken);
            _program = Java("kafka", "kafka.Kafka", [configuration]);
            await _program.UntilAsync(AcceptsAsync, "to accept connections", StartDeadline, cancellationToken);
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>Runs one of the distribution's classes.</summary>
    public BuiltProgram Java(string name, string mainClass, IReadOnlyList<string> args, int heapMb = 512) =>
        BuiltProgram.Run(name, ["java", string.Create(CultureInfo.InvariantCulture, $"-Xmx{heapMb}m"), "-cp",
            Path.Combine(home, "libs", "*"), mainClass, .. args], [], log);

    public async ValueTask DisposeAsync()
    {
        if (_program is not null)
            await _program.DisposeAsync();
        _starting.Dispose();
    }

    private async Task<string> ConfigureAsync(CancellationToken cancellationToken)
    {
        var data = Directory.CreateDirectory(folder.Of("kafka")).FullName;
        var controller = FreePort.Next();
        var path = Path.Combine(data, "server.properties");
        await File.WriteAllTextAsync(path, $"""
            process.roles=broker,controller
            node.id=1
            controller.quorum.voters=1@127.0.0.1:{controller}
            listeners=PLAINTEXT://127.0.0.1:{_port},CONTROLLER://127.0.0.1:{controller}
            advertised.listeners=PLAINTEXT://127.0.0.1:{_port}
            controller.listener.names=CONTROLLER
            log.dirs={Path.Combine(data, "log")}
            offsets.topic.replication.factor=1
            offsets.topic.num.partitions=3
            transaction.state.log.replication.factor=1
            transaction.state.log.min.isr=1
            transaction.state.log.num.partitions=3
            group.initial.rebalance.delay.ms=0
            """, cancellationToken);
        return path;
    }

    private async Task<bool> AcceptsAsync()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", _port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"^kafka-clients-(.+)\.jar$")]
    private static partial Regex JarVersion();
}
