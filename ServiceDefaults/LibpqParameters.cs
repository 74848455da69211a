using Npgsql;

namespace AspireCdc.ServiceDefaults;

/// <summary>The parameters of libpq, and of those who have added to them, in Npgsql's terms.</summary>
internal static class LibpqParameters
{
    /// <summary>Libpq's names for what Npgsql calls otherwise (PostgreSQL's documentation, 34.1.2).</summary>
    private static readonly Dictionary<string, string> Keywords = new(StringComparer.OrdinalIgnoreCase)
    {
        ["dbname"] = "Database",
        ["user"] = "Username",
        ["hostaddr"] = "Host",
        ["sslmode"] = "SSL Mode",
        ["ssl_mode"] = "SSL Mode",
        ["sslnegotiation"] = "SSL Negotiation",
        ["connect_timeout"] = "Timeout",
        ["connectTimeout"] = "Timeout",
        ["application_name"] = "Application Name",
        ["ApplicationName"] = "Application Name",
        ["sslrootcert"] = "Root Certificate",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["sslpassword"] = "SSL Password",
        ["channel_binding"] = "Channel Binding",
        ["channelBinding"] = "Channel Binding",
        ["target_session_attrs"] = "Target Session Attributes",
        ["targetServerType"] = "Target Session Attributes",
        ["options"] = "Options",
        ["client_encoding"] = "Client Encoding",
        ["passfile"] = "Passfile",
        ["krbsrvname"] = "Kerberos Service Name",
        ["require_auth"] = "Require Auth",
    };

    /// <summary>
    /// Harmless to leave out: how a socket is kept alive and what other programs tell themselves. Prisma's pgbouncer and schema among
    /// them; tables are
    /// named with their schema here.
    /// </summary>
    private static readonly HashSet<string> Ignored = new(StringComparer.OrdinalIgnoreCase)
    {
        "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gssencmode",
            "gssdelegation", "gsslib",
        "fallback_application_name", "sslcompression", "sslsni", "sslcrldir", "sslcrl", "ssl_min_protocol_version",
            "ssl_max_protocol_version",
        "min_protocol_version", "max_protocol_version", "load_balance_hosts", "replication", "service", "servicefile", "connection_limit",
            "pool_timeout", "pool_size", "max_overflow",
        "socket_timeout", "statement_cache_size", "prepared_statement_cache_size", "prepareThreshold", "pgbouncer", "schema",
            "currentSchema", "sslaccept", "sslidentity", "workaround",
        "reWriteBatchedInserts", "stringtype", "loginTimeout", "socketTimeout", "uselibpqcompat", "pool_mode",
    };

    /// <summary>Sets what the parameter says.</summary>
    /// <exception cref="FormatException">It is not known, or has a value that is not.</exception>
    public static void Set(NpgsqlConnectionStringBuilder connection, string name, string value)
    {
        if (Ignored.Contains(name))
            return;
        var keyword = Keywords.GetValueOrDefault(name, name);
        if (name.Equals("ssl", StringComparison.OrdinalIgnoreCase))
            (keyword, value) = ("SSL Mode", value.Equals("false", StringComparison.OrdinalIgnoreCase)
                || value == "0" ? "disable" : value is "require" or "no-verify" ? "require" : "verify-full");
        if (keyword == "Root Certificate" && value == "system")
            return; // the system's certificates are what is trusted without one
        try
        {
            connection[keyword] = keyword switch
            {
                "SSL Mode" => value.Equals("no-verify", StringComparison.OrdinalIgnoreCase) ? "Require" : value.Replace("-", ""),
                "Target Session Attributes" => value is "master" or "preferMaster" ? "primary" : value,
                _ => value,
            };
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or InvalidCastException
            or KeyNotFoundException)
        {
            // Not its value, which may be a password under a name that is spelt wrong.
            throw new FormatException(
                $"The database URL has the parameter '{name}', which " +
                $"{(IsKeyword(keyword) ? $"cannot be '{value}'" : "is not known here: leave it out, or use Npgsql's name for it")}.", e);
        }
    }

    private static bool IsKeyword(string keyword) => Keywords.ContainsValue(keyword) || keyword is "host" or "port";
}
