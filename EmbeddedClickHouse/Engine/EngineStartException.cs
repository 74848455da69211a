namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>Why the engine cannot start, in a sentence that says what to do.</summary>
internal sealed class EngineStartException(string message) : Exception(message);
