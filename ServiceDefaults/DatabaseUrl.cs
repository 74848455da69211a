using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace AspireCdc.ServiceDefaults;

/// <summary>Lets a PostgreSQL connection string also be a <c>postgresql://</c> URL, or come as <c>DATABASE_URL</c>, as the consoles of
/// clouds give it.</summary>
public static partial class DatabaseUrl
{
    /// <summary>
    /// Makes <c>ConnectionStrings:{name}</c> an Npgsql connection string, whichever of its forms it has; where it is absent,
    /// <c>DATABASE_URL</c> takes its place.
    /// </summary>
    /// <exception cref="FormatException">It cannot be read; the message names the setting, and not what stands in it.</exception>
    public static void AddDatabaseUrl(this IHostApplicationBuilder builder, string name)
    {
        if (From(builder.Configuration, name) is not { } connection)
            return;
        if (DatabasePassword.From(builder.Configuration) is not null)
            connection = DatabasePassword.Strip(connection);
        builder.Configuration.AddInMemoryCollection([new($"ConnectionStrings:{name}", connection)]);
    }

    /// <summary>The Npgsql connection string of <c>ConnectionStrings:{name}</c>, or else of <c>DATABASE_URL</c>; null where neither is
    /// set.</summary>
    /// <exception cref="FormatException">It cannot be read; the message names the setting, and not what stands in it.</exception>
    public static string? From(IConfiguration configuration, string name)
    {
        var (setting, given) = configuration.GetConnectionString(name) is { Length: > 0 } own
            ? ($"ConnectionStrings__{name}", own)
            : ("DATABASE_URL", configuration["DATABASE_URL"]);
        if (string.IsNullOrWhiteSpace(given))
            return null;
        try
        {
            var connection = ToConnectionString(given);
            Check(connection);
            return connection;
        }
        catch (FormatException e)
        {
            throw new FormatException($"{setting}: {e.Message}", e);
        }
    }

    /// <summary>
    /// Translates a <c>postgresql://</c> URL, also with a driver's name (<c>postgresql+psycopg://</c>), a <c>jdbc:postgresql://</c> one,
    /// and libpq's
    /// <c>host=… dbname=…</c>; any other text is taken as a connection string already.
    /// </summary>
    /// <exception cref="FormatException">The URL is malformed, or has a parameter that is not known.</exception>
    public static string ToConnectionString(string text)
    {
        text = text.Trim().Trim('"', '\'');
        if (Scheme().Match(text) is { Success: true } scheme)
            return FromUrl(text[scheme.Length..]);
        if (text.Contains("://", StringComparison.Ordinal)
            && text.IndexOf("://", StringComparison.Ordinal) < (text.IndexOf('=') is >= 0 and var at ? at : int.MaxValue))
            throw new FormatException(
                "The database URL begins with neither postgresql:// nor postgres://, and so is not one of PostgreSQL's.");
        return LibpqKeyword().IsMatch(text) && !text.Contains(';') ? FromKeywords(text) : text;
    }

    /// <summary>What Npgsql would refuse at the first connection is refused at start.</summary>
    private static void Check(string connection)
    {
        try
        {
            _ = new NpgsqlConnectionStringBuilder(connection);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException)
        {
            throw new FormatException($"The connection string cannot be used: {e.Message}", e);
        }
    }

    /// <summary><c>user:password@host:port,host:port/database?key=value</c>, where each part may be absent.</summary>
    private static string FromUrl(string rest)
    {
        var connection = new NpgsqlConnectionStringBuilder();
        var (authority, path, query) = Split(rest);
        var at = authority.LastIndexOf('@');
        if (authority.Length > at + 1)
            SetHosts(connection, authority[(at + 1)..]);
        if (at >= 0)
        {
            var user = authority[..at].Split(':', 2);
            if (user[0].Length > 0) connection.Username = Unescape(user[0]);
            if (user.Length > 1) connection.Password = Unescape(user[1]);
        }

        if (path.Length > 0) connection.Database = Unescape(path);
        foreach (var parameter in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var pair = parameter.Split('=', 2);
            LibpqParameters.Set(connection, Unescape(pair[0]), pair.Length > 1 ? Unescape(pair[1]) : "");
        }

        if (string.IsNullOrEmpty(connection.Host))
            throw new FormatException(
                "The database URL names no host: write postgresql://user:password@host:port/database, and " +
                "percent-encode what is special in a part.");
        return connection.ConnectionString;
    }

    /// <summary>Special characters in a password that nobody has encoded end neither the host's part nor the path before the last
    /// @.</summary>
    private static (string Authority, string Path, string Query) Split(string rest)
    {
        var from = rest.LastIndexOf('@') is var at && at >= 0 && (rest.IndexOf('?') is var ask && (ask < 0 || ask > at)) ? at : 0;
        var end = rest.IndexOfAny(['/', '?'], from);
        if (end < 0)
            return (rest, "", "");
        var question = rest.IndexOf('?', end);
        return question < 0
            ? (rest[..end], rest[(end + 1)..], "")
            : (rest[..end], question > end ? rest[(end + 1)..question] : "", rest[(question + 1)..]);
    }

    /// <summary>One host is Host and Port, as ever; several have their ports beside them.</summary>
    private static void SetHosts(NpgsqlConnectionStringBuilder connection, string authority)
    {
        var hosts = authority.Split(',');
        if (hosts.Length == 1)
        {
            var match = HostAndPort().Match(hosts[0]);
            if (!match.Success)
                throw new FormatException("The database URL's host cannot be read: write host, host:port or [IPv6 address]:port.");
            connection.Host = Unescape(match.Groups["host"].Value.Trim('[', ']'));
            if (match.Groups["port"] is { Success: true, Length: > 0 } port) connection.Port = Port(port.Value);
            return;
        }

        foreach (var host in hosts)
        {
            if (!HostAndPort().IsMatch(host))
                throw new FormatException("The database URL's hosts cannot be read: write host:port,host:port.");
        }

        connection.Host = string.Join(',', hosts.Select(Unescape));
    }

    private static int Port(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : throw new FormatException(
                "The database URL's port is no number from 1 to 65535; a password that holds ? or / wants it percent-encoded.");

    /// <summary><c>host=… port=… user=… password='…'</c>, as psql and psycopg take it.</summary>
    private static string FromKeywords(string text)
    {
        var connection = new NpgsqlConnectionStringBuilder();
        foreach (Match pair in Keyword().Matches(text))
        {
            var value = pair.Groups["quoted"].Success
                ? Regex.Replace(pair.Groups["quoted"].Value, @"\\(.)", "$1")
                : pair.Groups["plain"].Value;
            LibpqParameters.Set(connection, pair.Groups["key"].Value, value);
        }
        return connection.ConnectionString;
    }

    private static string Unescape(string part) => Uri.UnescapeDataString(part);

    [GeneratedRegex(@"^(jdbc:)?postgres(ql)?(\+[a-z0-9_]+)?:(//)?", RegexOptions.IgnoreCase)]
    private static partial Regex Scheme();

    [GeneratedRegex(@"^(?<host>\[[0-9a-fA-F:.%]+\]|[^:\[\]]+)(:(?<port>[^:]*))?$")]
    private static partial Regex HostAndPort();

    [GeneratedRegex(@"^\s*(host|hostaddr|dbname|user|password|port|sslmode|service)\s*=.*\b(dbname|user)\s*=",
        RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex LibpqKeyword();

    [GeneratedRegex(@"(?<key>\w+)\s*=\s*('(?<quoted>([^'\\]|\\.)*)'|(?<plain>[^\s']*))")]
    private static partial Regex Keyword();
}
