using System.Diagnostics.Metrics;
using System.Text;
using AspireCdc.CdcProcessor;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.Tests.CdcProcessor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace AspireCdc.Tests.Kafka;

/// <summary>The connector's sink without PostgreSQL in front of it, and customers to send through it.</summary>
internal static class TestSink
{
    public static Relation Customers { get; } = Relation.Of(Store.Own.Table("customer"));

    public static async Task<KafkaChangeSink> OpenAsync(
        KafkaBroker kafka, string topic, CancellationToken cancellationToken, int partitions = KafkaBroker.Partitions)
    {
        var options = new KafkaOptions { Topic = topic, Partitions = partitions, Replicas = 1, TopicIds = KafkaBroker.IsReal };
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        var sink =
            new KafkaChangeSink(kafka.BootstrapServers, topic, options, new KafkaConnection(meters), NullLogger<KafkaChangeSink>.Instance);
        await sink.OpenAsync(cancellationToken);
        await sink.BeginAsync(new SourceIdentity("postgresql", "test", 1, Ordered: true), cancellationToken);
        return sink;
    }

    public static ChangeBatch Updates(params (long Id, string City)[] rows) => Updates(commit: 100, rows);

    public static ChangeBatch Updates(ulong commit, params (long Id, string City)[] rows)
    {
        var batch = new ChangeBatch();
        foreach (var (id, city) in rows)
            Add(batch, ChangeOperation.Update, commit, row: Customer(batch, id, city));
        return batch;
    }

    public static void Add(ChangeBatch batch, ChangeOperation operation, ulong commit, RowRef old = default, RowRef row = default,
        Relation? relation = null) =>
        batch.Add(
            new Change(relation ?? Customers, operation, Lsn.Version(commit, commit - 1), commit, -1, 1_767_323_045_678_000, old, row));

    /// <summary>The whole copy of a table that has these rows at this point.</summary>
    public static ChangeBatch Copy(ulong point, params (long Id, string City)[] rows)
    {
        var batch = new ChangeBatch();
        var version = Lsn.CopyVersion(point);
        batch.Add(new Change(Customers, ChangeOperation.CopyBegin, version, 0, -1, 0, RowRef.None, RowRef.None, version));
        foreach (var (id, city) in rows)
            batch.Add(new Change(Customers, ChangeOperation.Read, version, 0, -1, 0, RowRef.None, Customer(batch, id, city)));
        batch.Add(new Change(Customers, ChangeOperation.CopyEnd, version, 0, -1, 0, RowRef.None, RowRef.None, version));
        return batch;
    }

    public static RowRef Customer(ChangeBatch batch, long id, string? city = null)
    {
        var row = batch.AddRow(Customers.Columns.Count);
        batch.SetText(row, Position("id"), Encoding.UTF8.GetBytes(id.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        if (city is not null)
            batch.SetText(row, Position("city"), Encoding.UTF8.GetBytes(city));
        return row;

        static int Position(string column) => Customers.Columns.ToList().FindIndex(known => known.Name == column);
    }
}
