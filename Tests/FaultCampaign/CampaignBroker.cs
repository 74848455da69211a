using System.Globalization;
using System.Runtime.InteropServices;
using AspireCdc.AppHost.Embedded;
using AspireCdc.Tests.Fixtures;
using Confluent.Kafka;

namespace AspireCdc.Tests.FaultCampaign;

/// <summary>
/// The broker of one run, which goes away and comes back with all that it had: the server that <c>CAMPAIGN_KAFKA</c> names, killed and
/// started again on its folder, otherwise librdkafka's own, which drops its connections and refuses others.
/// </summary>
internal sealed class CampaignBroker : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _topic = "campaign_" + Guid.NewGuid().ToString("N")[..12];
    private int _port;
    private readonly Action<string> _log;
    private readonly MockCluster? _mock;
    private GuardedProcess? _server;

    private CampaignBroker(Action<string> log)
    {
        _log = log;
        _mock = Campaign.Kafka is null ? new MockCluster() : null;
    }

    /// <summary>Settings of a processor that reads or writes the run's topic.</summary>
    public string[] Arguments =>
    [
        "--ConnectionStrings:kafka", _mock?.Address ?? $"127.0.0.1:{_port}",
        "--Cdc:Topic", _topic, "--Cdc:Group", _topic, "--Cdc:Partitions", "4", "--Cdc:Replicas", "1", "--Cdc:TopicIds", _mock is null
            ? "true" : "false",
        "--Cdc:Kafka:session.timeout.ms", "10000",
    ];

    public static async Task<CampaignBroker> StartAsync(Action<string> log, CancellationToken cancellationToken)
    {
        var broker = new CampaignBroker(log);
        broker._mock?.Create(broker._topic, broker._topic + "_progress");
        // The broker takes the port after its own, too, which may be somebody's.
        for (var attempt = 0; broker._mock is null && attempt < 5; attempt++)
        {
            broker._port = FreePort.Next();
            if (await broker.ServeAsync(cancellationToken))
                return broker;
        }
        return broker._mock is not null ? broker : throw new InvalidOperationException($"'{Campaign.Kafka} serve' does not start.");
    }

    /// <summary>Takes it away for a while.</summary>
    public async Task KillAsync(TimeSpan away, CancellationToken cancellationToken)
    {
        if (_mock is null)
            await KillServerAsync();
        else
            _mock.GoDown();
        await Task.Delay(away, cancellationToken);
        if (_mock is null && !await ServeAsync(cancellationToken))
            throw new InvalidOperationException("The broker does not come back.");
        _mock?.ComeUp();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await KillServerAsync();
        _mock?.Dispose();
        _folder.Dispose();
    }

    private async Task<bool> ServeAsync(CancellationToken cancellationToken)
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _server = GuardedProcess.Start(
            [Campaign.Kafka!, "serve", "--port", _port.ToString(CultureInfo.InvariantCulture), "--dir", _folder.Path],
                new Dictionary<string, string>(),
            line =>
            {
                _log($"broker: {line}");
                if (line.StartsWith("ready ", StringComparison.Ordinal))
                    ready.TrySetResult();
            });
        return await Task.WhenAny(ready.Task, _server.Exited).WaitAsync(TimeSpan.FromMinutes(5), cancellationToken) == ready.Task;
    }

    /// <summary>The command is a script that waits for its Java, which has the data and the port.</summary>
    private async Task KillServerAsync()
    {
        var pid = await _server!.Pid;
        foreach (var child in (await File.ReadAllTextAsync($"/proc/{pid}/task/{pid}/children"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries))
            await Signal.SendAsync("KILL", int.Parse(child, CultureInfo.InvariantCulture));
        await _server.KillAsync();
        await _server.DisposeAsync();
    }

    /// <summary>librdkafka's broker, with the switch that its C interface has.</summary>
    private sealed class MockCluster : IDisposable
    {
        private const int Producer = 0, Broker = 1;

        private readonly IntPtr _client = New(Producer, IntPtr.Zero, IntPtr.Zero, UIntPtr.Zero);
        private readonly IntPtr _cluster;

        public MockCluster()
        {
            _cluster = NewCluster(_client, 1);
            Address = Marshal.PtrToStringUTF8(Bootstraps(_cluster))!;
        }

        public string Address { get; }

        /// <summary>It makes a topic as soon as somebody asks for it.</summary>
        public void Create(params string[] topics)
        {
            using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = Address }).Build();
            foreach (var topic in topics)
                admin.GetMetadata(topic, TimeSpan.FromSeconds(10));
        }

        public void GoDown() => SetDown(_cluster, Broker);

        public void ComeUp() => SetUp(_cluster, Broker);

        public void Dispose()
        {
            DestroyCluster(_cluster);
            Destroy(_client);
        }

        [DllImport("librdkafka", EntryPoint = "rd_kafka_new")]
        private static extern IntPtr New(int type, IntPtr configuration, IntPtr error, UIntPtr errorSize);

        [DllImport("librdkafka", EntryPoint = "rd_kafka_destroy")]
        private static extern void Destroy(IntPtr client);

        [DllImport("librdkafka", EntryPoint = "rd_kafka_mock_cluster_new")]
        private static extern IntPtr NewCluster(IntPtr client, int brokers);

        [DllImport("librdkafka", EntryPoint = "rd_kafka_mock_cluster_destroy")]
        private static extern void DestroyCluster(IntPtr cluster);

        [DllImport("librdkafka", EntryPoint = "rd_kafka_mock_cluster_bootstraps")]
        private static extern IntPtr Bootstraps(IntPtr cluster);

        [DllImport("librdkafka", EntryPoint = "rd_kafka_mock_broker_set_down")]
        private static extern int SetDown(IntPtr cluster, int broker);

        [DllImport("librdkafka", EntryPoint = "rd_kafka_mock_broker_set_up")]
        private static extern int SetUp(IntPtr cluster, int broker);
    }
}
