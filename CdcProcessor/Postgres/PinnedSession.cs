using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// What a session must not take from the server, the database or the role, whatever they say: the text of a value is the same from the
/// stream, from a copy and where it is read again, and
/// no statement is ended for waiting. The one place where that stands.
/// </summary>
internal static class PinnedSession
{
    /// <summary>Sets what the server knows of it, for as long as the connection lasts.</summary>
    public const string Sql =
        """
        SELECT set_config(name, value, false)
        FROM (VALUES
            ('TimeZone', 'UTC'),
            ('DateStyle', 'ISO, YMD'),
            ('IntervalStyle', 'postgres'),
            ('bytea_output', 'hex'),
            ('extra_float_digits', '1'), -- the shortest text that gives the same bits
            ('lc_monetary', 'C'),
            ('quote_all_identifiers', 'off'),
            ('row_security', 'off'), -- rows that a policy hides are an error, not missing
            ('statement_timeout', '0'),
            ('lock_timeout', '0'),
            ('idle_in_transaction_session_timeout', '0'),
            ('idle_session_timeout', '0'),
            ('transaction_timeout', '0')
        ) AS pinned (name, value)
        WHERE current_setting(name, true) IS NOT NULL
        """;

    /// <summary>For the connections of a pool: once each, so a connection that comes back keeps it.</summary>
    public static void Pin(NpgsqlDataSourceBuilder source)
    {
        source.ConnectionStringBuilder.NoResetOnClose = true;
        source.UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(Sql, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                await using var command = new NpgsqlCommand(Sql, connection);
                await command.ExecuteNonQueryAsync();
            });
    }
}
