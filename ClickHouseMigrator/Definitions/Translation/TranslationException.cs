namespace AspireCdc.ClickHouseMigrator.Definitions.Translation;

/// <summary>An expression that has no exact form in ClickHouse; the message says which and what to do, without a full stop.</summary>
internal sealed class TranslationException(string message) : Exception(message);
