using System.Collections.Immutable;

namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// A message of the topic. Marks open and close a resync of a table; the closing one knows the opening one's version in its own partition.
/// A dead letter's message asks for its retry.
/// </summary>
internal sealed record Message(
    Operation Operation,
    Key Key,
    Row? Row = null,
    bool TextAbsent = false,
    ImmutableArray<Table> Truncated = default,
    Table? FirstMark = null,
    (Table Table, UInt128 First)? SecondMark = null,
    DeadLetter? Retried = null);

/// <summary>The topic's partitions, and the offsets that the consumer group has committed.</summary>
internal sealed class Topic
{
    public const int Partitions = 3;

    private readonly List<Message>[] _partitions = [.. Enumerable.Range(0, Partitions).Select(_ => new List<Message>())];

    public int[] Committed { get; } = new int[Partitions];

    /// <summary>Which partitioner the connector uses; only a broken rule ever changes it.</summary>
    public int Partitioner { get; set; }

    public int PartitionOf(Key key) => (((int)key.Table * 5) + (key.Id * 7) + Partitioner) % Partitions;

    public void Append(int partition, Message message) => _partitions[partition].Add(message);

    public IEnumerable<(int Partition, UInt128 Version, Message Message)> Read(int partition, int offset, int count) =>
        _partitions[partition].Skip(offset).Take(count).Select((message, i) => (partition, Version(offset + i), message));

    public UInt128 NextVersion(int partition) => Version(_partitions[partition].Count);

    public bool IsConsumed => Enumerable.Range(0, Partitions).All(partition => Committed[partition] == _partitions[partition].Count);

    /// <summary>Offset + 1: 0 means missing.</summary>
    private static UInt128 Version(int offset) => (UInt128)(offset + 1);
}
