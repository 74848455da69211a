namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>A replication slot's exported snapshot: all that was committed before its point, and nothing else. It ends when its connection does anything more.</summary>
internal sealed record Snapshot(string Name, ulong Point);
