using AspireCdc.Shop;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace AspireCdc.Api.InitDb;

/// <summary>Statements and queries on a connection.</summary>
internal static class Sql
{
    /// <summary>The context's own connection, opened until the context goes.</summary>
    public static async Task<NpgsqlConnection> OpenAsync(this ShopContext context, CancellationToken cancellation)
    {
        await context.Database.OpenConnectionAsync(cancellation);
        return (NpgsqlConnection)context.Database.GetDbConnection();
    }

    public static async Task ExecuteAsync(this NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>All rows of a query with positional parameters.</summary>
    public static async Task<List<T>> QueryAsync<T>(this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read,
        CancellationToken cancellation, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters) command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellation)) rows.Add(read(reader));
        return rows;
    }
}
