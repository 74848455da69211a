namespace AspireCdc.ClickHouseMigrator;

/// <summary>The migrations can't be applied; the message is a sentence for the user that names the cure.</summary>
internal sealed class MigrationException(string message, Exception? inner = null) : Exception(message, inner);
