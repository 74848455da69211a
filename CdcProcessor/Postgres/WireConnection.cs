using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// A connection on PostgreSQL's own protocol: simple queries, COPY TO STDOUT and START_REPLICATION. Npgsql reads one message at a time through its general
/// machinery; this one hands out slices of a large receive buffer, and lets the reader decide when to ask for more.
/// </summary>
internal sealed class WireConnection : IAsyncDisposable
{
    private const int ReceiveBufferSize = 256 * 1024;

    private readonly Socket _socket;
    private readonly SemaphoreSlim _sending = new(1);
    private Stream _stream = Stream.Null;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(ReceiveBufferSize);
    private int _start;
    private int _end;

    private WireConnection(Socket socket) => _socket = socket;

    /// <summary>Bytes that the last <see cref="ReceiveAsync"/> brought.</summary>
    public int LastReceived { get; private set; }

    public static async Task<WireConnection> OpenAsync(string connectionString, string applicationName, bool replication, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var (host, port) = HostAndPort(settings);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(Math.Max(settings.Timeout, 1)));

        var local = host.StartsWith('/');
        var socket = local
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = ReceiveBufferSize };
        var connection = new WireConnection(socket);
        try
        {
            if (local)
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(host, $".s.PGSQL.{port.ToString(CultureInfo.InvariantCulture)}")), timeout.Token);
            else
                await socket.ConnectAsync(host, port, timeout.Token);
            connection._stream = new NetworkStream(socket, ownsSocket: true);
            if (!local)
                await connection.SecureAsync(settings, host, timeout.Token);
            await connection.StartAsync(settings, applicationName, replication, timeout.Token);
            return connection;
        }
        catch (Exception e)
        {
            await connection.DisposeAsync();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                throw new TimeoutException($"PostgreSQL at {host}:{port} did not answer within {settings.Timeout} s.", e);
            throw;
        }
    }

    /// <summary>Runs a statement and returns its rows as text.</summary>
    public async Task<IReadOnlyList<string?[]>> QueryAsync(string sql, CancellationToken cancellationToken)
    {
        await SendQueryAsync(sql, cancellationToken);
        var rows = new List<string?[]>();
        WireException? error = null;
        while (true)
        {
            var (type, body) = await ReadAsync(cancellationToken);
            switch (type)
            {
                case 'D':
                    rows.Add(Row(body.Span));
                    break;
                case 'E':
                    error = Error(body.Span);
                    break;
                case 'Z':
                    return error is null ? rows : throw error;
            }
        }
    }

    /// <summary>Starts <c>COPY … TO STDOUT</c>; its rows follow as messages 'd' until 'Z' (see <see cref="TryRead"/>).</summary>
    public Task CopyOutAsync(string sql, CancellationToken cancellationToken) => BeginCopyAsync(sql, 'H', cancellationToken);

    /// <summary>Starts <c>START_REPLICATION</c>; the stream follows as messages 'd'.</summary>
    public Task StartReplicationAsync(string sql, CancellationToken cancellationToken) => BeginCopyAsync(sql, 'W', cancellationToken);

    /// <summary>Sends a message of the copy protocol to the server.</summary>
    public async Task SendCopyDataAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        var message = new byte[5 + data.Length];
        message[0] = (byte)'d';
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), 4 + data.Length);
        data.CopyTo(message.AsMemory(5));
        await SendAsync(message, cancellationToken);
    }

    /// <summary>The next message, if all of it is here; its body is good until the next <see cref="ReceiveAsync"/>.</summary>
    public bool TryRead(out char type, out ReadOnlyMemory<byte> body)
    {
        var available = _end - _start;
        if (available >= 5)
        {
            var length = 1 + BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(_start + 1));
            if (available >= length)
            {
                type = (char)_buffer[_start];
                body = _buffer.AsMemory(_start + 5, length - 5);
                _start += length;
                return true;
            }
        }

        type = default;
        body = default;
        return false;
    }

    /// <summary>Waits for more bytes.</summary>
    public async ValueTask ReceiveAsync(CancellationToken cancellationToken)
    {
        MakeRoom();
        LastReceived = await _stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        if (LastReceived == 0)
            throw new EndOfStreamException("PostgreSQL closed the replication connection.");
        _end += LastReceived;
    }

    public static WireException Error(ReadOnlySpan<byte> body)
    {
        var fields = new Dictionary<char, string>();
        while (body.Length > 1)
        {
            var end = body[1..].IndexOf((byte)0) + 1;
            fields[(char)body[0]] = Encoding.UTF8.GetString(body[1..end]);
            body = body[(end + 1)..];
        }
        var hint = fields.TryGetValue('H', out var text) ? $" ({text})" : "";
        return new WireException(fields.GetValueOrDefault('C', ""), fields.GetValueOrDefault('M', "unknown error") + hint);
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _socket.Dispose();
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private static (string Host, int Port) HostAndPort(NpgsqlConnectionStringBuilder settings)
    {
        var host = (settings.Host ?? "localhost").Split(',')[0].Trim();
        var colon = host.LastIndexOf(':');
        return colon > 0 && host.IndexOf(':') == colon && int.TryParse(host[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? (host[..colon], port)
            : (host, settings.Port);
    }

    private async Task SecureAsync(NpgsqlConnectionStringBuilder settings, string host, CancellationToken cancellationToken)
    {
        if (settings.SslMode is SslMode.Disable or SslMode.Allow)
            return;

        await _stream.WriteAsync(new byte[] { 0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F }, cancellationToken);
        var answer = new byte[1];
        await _stream.ReadExactlyAsync(answer, cancellationToken);
        if (answer[0] != 'S')
        {
            if (settings.SslMode == SslMode.Prefer)
                return;
            throw new InvalidOperationException($"PostgreSQL at {host} does not offer TLS, and the connection string demands it (SSL Mode={settings.SslMode}).");
        }

        var verify = settings.SslMode is SslMode.VerifyCA or SslMode.VerifyFull;
        var secure = new SslStream(_stream, leaveInnerStreamOpen: false, (_, _, _, errors) =>
            !verify || errors == SslPolicyErrors.None || (settings.SslMode == SslMode.VerifyCA && errors == SslPolicyErrors.RemoteCertificateNameMismatch));
        await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host }, cancellationToken);
        _stream = secure;
    }

    private async Task StartAsync(NpgsqlConnectionStringBuilder settings, string applicationName, bool replication, CancellationToken cancellationToken)
    {
        var user = settings.Username ?? Environment.UserName;
        var packet = new ArrayBufferWriter<byte>();
        packet.Write(stackalloc byte[8]);
        string[] parameters =
        [
            "user", user, "database", settings.Database ?? user, "replication", replication ? "database" : "false", "application_name", applicationName, "client_encoding", "UTF8",
            // The text form of values must not depend on the server's settings.
            "DateStyle", "ISO, YMD", "IntervalStyle", "postgres", "TimeZone", "UTC", "extra_float_digits", "1", "bytea_output", "hex",
        ];
        foreach (var text in parameters)
        {
            packet.Write(Encoding.UTF8.GetBytes(text));
            packet.Write([(byte)0]);
        }
        packet.Write([(byte)0]);
        var bytes = packet.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), 196608);
        await _stream.WriteAsync(bytes, cancellationToken);
        await AuthenticateAsync(user, settings.Password ?? Environment.GetEnvironmentVariable("PGPASSWORD") ?? "", cancellationToken);
    }

    private async Task AuthenticateAsync(string user, string password, CancellationToken cancellationToken)
    {
        var scram = new Scram(password);
        while (true)
        {
            var (type, body) = await ReadAsync(cancellationToken);
            if (type == 'E')
                throw Error(body.Span);
            if (type == 'Z')
                return;
            if (type != 'R')
                continue;

            var rest = body[4..];
            switch (BinaryPrimitives.ReadInt32BigEndian(body.Span))
            {
                case 0:
                    break;
                case 3:
                    await SendAsync('p', [.. Encoding.UTF8.GetBytes(password), 0], cancellationToken);
                    break;
                case 5:
                    await SendAsync('p', [.. Encoding.UTF8.GetBytes(Md5(user, password, rest.Span)), 0], cancellationToken);
                    break;
                case 10:
                    if (!Encoding.UTF8.GetString(rest.Span).Split('\0').Contains(Scram.Mechanism))
                        throw new NotSupportedException($"PostgreSQL offers no {Scram.Mechanism}.");
                    var first = scram.First;
                    var length = new byte[4];
                    BinaryPrimitives.WriteInt32BigEndian(length, first.Length);
                    await SendAsync('p', [.. Encoding.UTF8.GetBytes(Scram.Mechanism), 0, .. length, .. first], cancellationToken);
                    break;
                case 11:
                    await SendAsync('p', scram.Final(rest.Span), cancellationToken);
                    break;
                case 12:
                    scram.Verify(rest.Span);
                    break;
                case var method:
                    throw new NotSupportedException($"PostgreSQL asks for authentication method {method}; this reader knows passwords (SCRAM-SHA-256, MD5, plain) and trust.");
            }
        }
    }

    private static string Md5(string user, string password, ReadOnlySpan<byte> salt)
    {
        var inner = Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(password + user)));
        return "md5" + Convert.ToHexStringLower(MD5.HashData([.. Encoding.UTF8.GetBytes(inner), .. salt]));
    }

    private async Task BeginCopyAsync(string sql, char expected, CancellationToken cancellationToken)
    {
        await SendQueryAsync(sql, cancellationToken);
        while (true)
        {
            var (type, body) = await ReadAsync(cancellationToken);
            if (type == expected)
                return;
            if (type == 'E')
                throw Error(body.Span);
        }
    }

    private async Task<(char Type, ReadOnlyMemory<byte> Body)> ReadAsync(CancellationToken cancellationToken)
    {
        char type;
        ReadOnlyMemory<byte> body;
        while (!TryRead(out type, out body))
            await ReceiveAsync(cancellationToken);
        return (type, body);
    }

    private static string?[] Row(ReadOnlySpan<byte> body)
    {
        var row = new string?[BinaryPrimitives.ReadInt16BigEndian(body)];
        body = body[2..];
        for (var i = 0; i < row.Length; i++)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(body);
            body = body[4..];
            if (length < 0)
                continue;
            row[i] = Encoding.UTF8.GetString(body[..length]);
            body = body[length..];
        }
        return row;
    }

    private Task SendQueryAsync(string sql, CancellationToken cancellationToken) => SendAsync('Q', [.. Encoding.UTF8.GetBytes(sql), 0], cancellationToken);

    private Task SendAsync(char type, byte[] body, CancellationToken cancellationToken)
    {
        var message = new byte[5 + body.Length];
        message[0] = (byte)type;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), 4 + body.Length);
        body.CopyTo(message, 5);
        return SendAsync(message, cancellationToken);
    }

    private async Task SendAsync(byte[] message, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            await _stream.WriteAsync(message, cancellationToken);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Moves what is unread to the front, and makes the buffer large enough for the message that it begins with.</summary>
    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        var wanted = _end >= 5 ? 1 + BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(1)) : 0;
        if (wanted > _buffer.Length || _end == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, _buffer.Length * 2));
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
    }
}
