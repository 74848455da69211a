using System.Data.Common;
using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace AspireCdc.ServiceDefaults;

/// <summary>A ClickHouse server's HTTP interface, as a connection string or a URL names it.</summary>
/// <param name="Address">Scheme, host and port.</param>
/// <param name="Database">The database, by default <c>default</c>.</param>
/// <param name="Username">The user, by default <c>default</c>.</param>
/// <param name="Password">The user's password; empty means none.</param>
public sealed record ClickHouseEndpoint(Uri Address, string Database, string Username, string Password)
{
    private const string Setting = "ConnectionStrings__clickhouse";
    private const string Example = "Host=localhost;Port=18123;Username=panda;Password=…;Database=local";

    /// <summary>A PEM file of the only authorities that are trusted; null for those of the system.</summary>
    public string? RootCertificate { get; init; }

    /// <summary>A PEM file of the certificate that this side shows; null for none.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>The PEM file of its key, unless the certificate's file has it.</summary>
    public string? ClientKey { get; init; }

    /// <summary>What stands in the connection string beside all this, for the driver.</summary>
    public string Others { get; init; } = "";

    /// <summary>Whether certificates are named, which <see cref="CreateHandler"/> has to bring along.</summary>
    public bool HasCertificates => RootCertificate is not null || ClientCertificate is not null;

    /// <summary>
    /// Reads <c>Host=…;Port=…;Protocol=https;…</c> in any spelling of its words, or <c>http(s)://user:password@host:port/database</c>.
    /// </summary>
    /// <exception cref="FormatException">It cannot be read. The message names the setting and the part, and no password.</exception>
    public static ClickHouseEndpoint Parse(string text)
    {
        text = text.Trim().Trim('"', '\'');
        return text.Contains("://", StringComparison.Ordinal) && !text.Contains(';') ? FromUrl(text) : FromKeywords(text);
    }

    /// <summary>The same for ClickHouse.Driver.</summary>
    public string ToConnectionString()
    {
        var connection = new DbConnectionStringBuilder { ConnectionString = Others };
        connection["Host"] = Address.Host.Trim('[', ']');
        connection["Port"] = Address.Port;
        connection["Protocol"] = Address.Scheme;
        connection["Username"] = Username;
        connection["Password"] = Password;
        connection["Database"] = Database;
        return connection.ConnectionString;
    }

    /// <summary>
    /// A handler for HTTP clients that trusts and shows the certificates named. A statement's span stands for its request.
    /// </summary>
    /// <exception cref="FormatException">One cannot be read.</exception>
    public HttpMessageHandler CreateHandler()
    {
        var handler = new SocketsHttpHandler
        {
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(5),
            ActivityHeadersPropagator = null,
        };
        if (RootCertificate is not null)
        {
            var roots = Read("Root Certificate", RootCertificate, path =>
            {
                var found = new X509Certificate2Collection();
                found.ImportFromPemFile(path);
                return found.Count > 0 ? found : throw new CryptographicException("it has no certificate");
            });
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                IsTrusted(certificate, chain, errors, roots);
        }
        if (ClientCertificate is not null)
        {
            var own = Read("Client Certificate", ClientCertificate, path => X509Certificate2.CreateFromPemFile(path, ClientKey ?? path));
            handler.SslOptions.ClientCertificates = [own];
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => own;
        }
        return new TraceHeader(handler);
    }

    private static bool IsTrusted(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, X509Certificate2Collection roots)
    {
        if (certificate is null || chain is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
            return false;
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate as X509Certificate2 ?? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()));
    }

    private static T Read<T>(string part, string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw Wrong($"{part}={path} cannot be read as PEM: {e.Message}");
        }
    }

    private static ClickHouseEndpoint FromUrl(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0)
            throw Wrong(
                "is no URL that can be read: write http://user:password@host:port/database, and percent-encode what is special in a part");
        var settings = new DbConnectionStringBuilder();
        foreach (var pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(parameter => parameter.Split('=', 2)))
            settings[Uri.UnescapeDataString(pair[0])] = pair.Length > 1 ? Uri.UnescapeDataString(pair[1]) : "";
        settings["Protocol"] = url.Scheme;
        settings["Host"] = Uri.UnescapeDataString(url.Host);
        // 80 and 443 are the URL's own when they are written, and ClickHouse's are others when they are not.
        var written = text.Split("://", 2)[1].Split('/', '?')[0];
        if (!url.IsDefaultPort || written.Split('@')[^1].EndsWith($":{url.Port}", StringComparison.Ordinal))
            settings["Port"] = url.Port;
        var user = url.UserInfo.Split(':', 2);
        if (user[0].Length > 0)
            settings["Username"] = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1)
            settings["Password"] = Uri.UnescapeDataString(user[1]);
        if (url.AbsolutePath.Length > 1)
            settings["Database"] = Uri.UnescapeDataString(url.AbsolutePath[1..]);
        return From(settings);
    }

    private static ClickHouseEndpoint FromKeywords(string text)
    {
        try
        {
            return From(new DbConnectionStringBuilder { ConnectionString = text });
        }
        catch (ArgumentException)
        {
            throw Wrong($"is no connection string that can be read: it looks like {Example}");
        }
    }

    private static ClickHouseEndpoint From(DbConnectionStringBuilder settings)
    {
        var host = Take("Host", "Server", "Data Source") ?? throw Wrong($"names no Host: it looks like {Example}");
        var protocol = Take("Protocol", "Scheme")
            ?.ToLowerInvariant() ?? (Take("Secure", "SSL") is "true" or "True" or "1" ? "https" : "http");
        if (protocol is not ("http" or "https"))
            throw Wrong(
                $"says {protocol}, and ClickHouse is spoken to by http or https here: its port is " +
                $"8123 or 8443 most often, not 9000 or 9440");
        var port = Take("Port") is { } given ? Port(given) : protocol == "https" ? 8443 : 8123;
        if (!Uri.TryCreate(new UriBuilder(protocol, host.Trim('[', ']'), port).ToString(), UriKind.Absolute, out var address)
            || Uri.CheckHostName(host.Trim('[', ']')) == UriHostNameType.Unknown)
            throw Wrong($"has the Host '{host}', which is neither a name nor an address");
        return new ClickHouseEndpoint(address, Take("Database", "Initial Catalog") ?? "default", Take("Username", "User", "User Id", "Uid")
            ?? "default", Take("Password", "Pwd") ?? "")
        {
            RootCertificate = Take("Root Certificate", "RootCertificate", "sslrootcert"),
            ClientCertificate = Take("Client Certificate", "ClientCertificate", "sslcert"),
            ClientKey = Take("Client Key", "ClientKey", "sslkey"),
            Others = settings.ConnectionString,
        };

        string? Take(params ReadOnlySpan<string> names)
        {
            string? found = null;
            foreach (var name in names)
            {
                if (settings.TryGetValue(name, out var value)
                    && Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text)
                    found ??= text;
                settings.Remove(name);
            }
            return found;
        }
    }

    private static int Port(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : throw Wrong($"has the Port '{text}', which is no number from 1 to 65535");

    private static FormatException Wrong(string sentence) => new($"{Setting} {sentence}.");
}
