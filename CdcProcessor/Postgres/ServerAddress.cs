using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Where a PostgreSQL server listens. A connection string may name several, of which only the
/// primary can be replicated from.</summary>
/// <param name="Host">A name, an address, or the folder of a Unix socket.</param>
/// <param name="Port">The port.</param>
internal sealed record ServerAddress(string Host, int Port)
{
    private bool IsLocal => Path.IsPathRooted(Host) || Host.StartsWith('@');

    /// <summary>The servers of a connection string, in its order, each with its own port or the common one.</summary>
    public static IReadOnlyList<ServerAddress> Of(NpgsqlConnectionStringBuilder settings)
    {
        var hosts = (settings.Host ?? "localhost").Split(',', StringSplitOptions.TrimEntries);
        if (hosts.Length > 1 && Target(settings) is { } target && !Suits(target))
        {
            throw new ArgumentException(
                $"ConnectionStrings:shop says Target Session Attributes={settings.TargetSessionAttributes}, and changes are read from " +
                "the primary: leave it out, or say primary.");
        }
        return [.. hosts.Select(host => Parse(host, settings.Port))];
    }

    /// <summary>Lets the pool look for the primary among several servers, as the replication connection does.</summary>
    public static void PreferPrimary(NpgsqlConnectionStringBuilder settings)
    {
        if (settings.Host?.Contains(',') == true && Target(settings) is null or TargetSessionAttributes.Any)
            settings.TargetSessionAttributes = "primary";
    }

    public EndPoint EndPoint => IsLocal
        ? new UnixDomainSocketEndPoint(
            Path.Combine(Host.StartsWith('@') ? "\0" + Host[1..] : Host, string.Create(CultureInfo.InvariantCulture, $".s.PGSQL.{Port}")))
        : new DnsEndPoint(Host, Port);

    public Socket CreateSocket(int receiveBufferSize) => IsLocal
        ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = receiveBufferSize };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    private static TargetSessionAttributes? Target(NpgsqlConnectionStringBuilder settings) =>
        settings.TargetSessionAttributes is { } text
            && Enum.TryParse<TargetSessionAttributes>(text.Replace("-", ""), ignoreCase: true, out var target) ? target : null;

    private static bool Suits(TargetSessionAttributes target) =>
        target is TargetSessionAttributes.Any or TargetSessionAttributes.Primary or TargetSessionAttributes.PreferPrimary
            or TargetSessionAttributes.ReadWrite;

    /// <summary><c>host</c>, <c>host:port</c>, <c>[v6]:port</c>, a bare IPv6 address, or a folder.</summary>
    private static ServerAddress Parse(string host, int port)
    {
        var colon = host.LastIndexOf(':');
        var isPort = colon > 0 && (host.IndexOf(':') == colon || host[colon - 1] == ']') && !Path.IsPathRooted(host);
        return isPort && int.TryParse(host[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var own)
            ? new ServerAddress(host[..colon].Trim('[', ']'), own)
            : new ServerAddress(host.Trim('[', ']'), port);
    }
}
