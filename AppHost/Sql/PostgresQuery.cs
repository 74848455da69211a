using System.Runtime.CompilerServices;
using Npgsql;

namespace AspireCdc.AppHost.Sql;

/// <summary>What one statement has answered.</summary>
/// <param name="Columns">Their names; none where the statement returns no rows.</param>
/// <param name="Rows">The values as PostgreSQL itself writes them, and null for NULL.</param>
/// <param name="Affected">How many rows it has changed; -1 where that is no question.</param>
internal sealed record PostgresAnswer(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string?>> Rows, int Affected);

/// <summary>Asks PostgreSQL.</summary>
internal static class PostgresQuery
{
    /// <summary>One answer for each statement of the text.</summary>
    /// <exception cref="AppHostException">PostgreSQL refused, in its words.</exception>
    public static async IAsyncEnumerable<PostgresAnswer> AskAsync(
        string connectionString, string sql, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await using var command = new NpgsqlCommand(sql, connection) { AllResultTypesAreUnknown = true, CommandTimeout = 0 };
        await using var reader = await ToldAsync(async () =>
        {
            await connection.OpenAsync(cancellationToken);
            return await command.ExecuteReaderAsync(cancellationToken);
        });
        do
            yield return await ToldAsync(() => ReadAsync(reader, cancellationToken));
        while (await ToldAsync(() => reader.NextResultAsync(cancellationToken)));
    }

    private static async Task<PostgresAnswer> ReadAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        string[] columns = [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
        var rows = new List<IReadOnlyList<string?>>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add([.. Enumerable.Range(0, columns.Length).Select(column => reader.IsDBNull(column) ? null : reader.GetString(column))]);
        return new(columns, rows, reader.RecordsAffected);
    }

    private static async Task<T> ToldAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (NpgsqlException exception)
        {
            throw new AppHostException($"PostgreSQL: {exception.Message.Trim().Split('\n')[0].TrimEnd()}", exception);
        }
    }
}
