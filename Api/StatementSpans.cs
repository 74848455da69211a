using AspireCdc.ServiceDefaults;
using Npgsql;

namespace AspireCdc.Api;

/// <summary>
/// Spans of statements are called by what they do (<c>INSERT order</c>, <c>COMMIT</c>), as those in ClickHouse are; by default all have the
/// database's name.
/// </summary>
internal static class StatementSpans
{
    public static void ApplyTo(NpgsqlDataSourceBuilder source) => source.ConfigureTracing(tracing => tracing
        .ConfigureCommandSpanNameProvider(command => StatementSummary.NameOf(command.CommandText))
        .ConfigureBatchSpanNameProvider(NameOf));

    /// <summary>Without the questions that go along, for the position in the log.</summary>
    private static string? NameOf(NpgsqlBatch batch)
    {
        var statements = batch.BatchCommands.Cast<NpgsqlBatchCommand>().Select(command => command.CommandText)
            .Where(sql => !sql.StartsWith("SELECT pg_", StringComparison.Ordinal));
        return string.Join(", ", statements.Select(sql => StatementSummary.NameOf(sql)).Distinct());
    }
}
