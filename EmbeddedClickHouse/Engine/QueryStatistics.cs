namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>What a finished query did, as <c>X-ClickHouse-Summary</c> tells it.</summary>
internal readonly record struct QueryStatistics(
    ulong ReadRows, ulong ReadBytes, ulong WrittenRows, ulong WrittenBytes, ulong ResultRows, ulong ResultBytes);
