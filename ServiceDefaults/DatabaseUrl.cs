using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace AspireCdc.ServiceDefaults;

/// <summary>Lets a PostgreSQL connection string also be a <c>postgresql://</c> URL, or come as <c>DATABASE_URL</c>.</summary>
public static class DatabaseUrl
{
    /// <summary>
    /// Makes <c>ConnectionStrings:{name}</c> an Npgsql connection string, whichever of the two forms it has; where it is absent, <c>DATABASE_URL</c> takes its place.
    /// </summary>
    public static void AddDatabaseUrl(this IHostApplicationBuilder builder, string name)
    {
        var given = builder.Configuration.GetConnectionString(name) is { Length: > 0 } own ? own : builder.Configuration["DATABASE_URL"];
        if (!string.IsNullOrWhiteSpace(given))
            builder.Configuration.AddInMemoryCollection([new($"ConnectionStrings:{name}", ToConnectionString(given))]);
    }

    /// <summary>Translates a <c>postgresql://</c> (or <c>postgres://</c>) URL; any other text is taken as a connection string already.</summary>
    /// <exception cref="FormatException">The URL is malformed, or has a parameter that Npgsql does not know.</exception>
    public static string ToConnectionString(string text)
    {
        if (!text.StartsWith("postgresql:", StringComparison.OrdinalIgnoreCase) && !text.StartsWith("postgres:", StringComparison.OrdinalIgnoreCase))
            return text;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0)
            throw new FormatException("The database URL cannot be read: write postgresql://user:password@host:port/database, and percent-encode what is special in a part.");

        var connection = new NpgsqlConnectionStringBuilder { Host = Uri.UnescapeDataString(url.Host) };
        if (url.Port > 0) connection.Port = url.Port;
        var user = url.UserInfo.Split(':', 2);
        if (user[0].Length > 0) connection.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1) connection.Password = Uri.UnescapeDataString(user[1]);
        if (url.AbsolutePath.Length > 1) connection.Database = Uri.UnescapeDataString(url.AbsolutePath[1..]);
        foreach (var parameter in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = parameter.Split('=', 2) is [var k, var v] ? (Uri.UnescapeDataString(k), Uri.UnescapeDataString(v)) : (parameter, "");
            try
            {
                connection[KeywordOf(key)] = key == "sslmode" ? value.Replace("-", "") : value;
            }
            catch (Exception e) when (e is ArgumentException or FormatException)
            {
                throw new FormatException($"The database URL has the parameter '{key}={value}', which cannot be used: {e.Message}", e);
            }
        }
        return connection.ConnectionString;
    }

    /// <summary>libpq's names for what Npgsql calls otherwise.</summary>
    private static string KeywordOf(string libpqName) => libpqName.ToLowerInvariant() switch
    {
        "sslmode" => "SSL Mode",
        "connect_timeout" => "Timeout",
        "application_name" => "Application Name",
        "sslrootcert" => "Root Certificate",
        "sslcert" => "SSL Certificate",
        "sslkey" => "SSL Key",
        "target_session_attrs" => "Target Session Attributes",
        "options" => "Options",
        var other => other,
    };
}
