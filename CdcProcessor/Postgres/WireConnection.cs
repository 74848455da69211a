using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// A connection on PostgreSQL's own protocol: simple queries, COPY TO STDOUT and START_REPLICATION. Npgsql reads one message at a time
/// through its general machinery; this one hands out slices of a large receive buffer, and lets the reader decide when to ask for more.
/// </summary>
internal sealed class WireConnection : IAsyncDisposable
{
    private const int ReceiveBufferSize = 256 * 1024;

    /// <summary>What a larger message takes is given back once it has been read.</summary>
    private const int LargeBuffer = 8 * 1024 * 1024;

    /// <summary>PostgreSQL's own limit of a message (MaxAllocSize), and the bound of what a broken length can make us allocate.</summary>
    private const int MaxMessage = 0x3fffffff;

    /// <summary>The most that a record of TLS holds.</summary>
    private const int RecordSize = 16 * 1024;

    private readonly Socket _socket;
    private readonly SemaphoreSlim _sending = new(1);
    private Stream _stream = Stream.Null;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(ReceiveBufferSize);
    private int _start;
    private int _end;

    /// <summary>While changes stream over TLS, the record that came last, or is yet to come; else null.</summary>
    private byte[]? _record;
    private int _recordStart;
    private int _recordEnd;
    private ValueTask<int>? _nextRecord;

    private WireConnection(Socket socket)
    {
        _socket = socket;
        Mark = new LowWaterMark(socket);
    }

    /// <summary>How much must have come before it is told of.</summary>
    public LowWaterMark Mark { get; }

    /// <summary>
    /// Half of the bytes that the socket holds before the server has to wait for the reader; 0 for a Unix socket, of which the server's end
    /// says how much that is.
    /// </summary>
    public int Room => _socket.AddressFamily == AddressFamily.Unix ? 0 : Math.Min(_socket.ReceiveBufferSize, ReceiveBufferSize) / 2;

    /// <summary>Bytes that the last <see cref="ReceiveAsync"/> brought.</summary>
    public int LastReceived { get; private set; }

    /// <summary>How long it took until the first of them was there; to decrypt the others may take longer.</summary>
    public TimeSpan LastWaited { get; private set; }

    /// <summary>Bytes that are missing of the message that has begun; 0 where that is not known yet.</summary>
    public int Missing => _end - _start >= 5 ? Math.Max(0, Length(_start) - (_end - _start)) : 0;

    /// <summary>Connects to the server that the connection string names; where it names several, to the first that
    /// answers and is the primary.</summary>
    public static async Task<WireConnection> OpenAsync(
        string connectionString, string applicationName, bool replication, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var servers = ServerAddress.Of(settings);
        if (servers is [var only])
            return await OpenAsync(settings, only, applicationName, replication, cancellationToken);

        var failures = new List<Exception>();
        foreach (var server in servers)
        {
            try
            {
                var connection = await OpenAsync(settings, server, applicationName, replication, cancellationToken);
                if ((await connection.QueryAsync("SELECT pg_is_in_recovery()", cancellationToken))[0][0] == "f")
                    return connection;
                await connection.DisposeAsync();
                failures.Add(new InvalidOperationException($"PostgreSQL at {server} is a standby."));
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                failures.Add(new InvalidOperationException($"PostgreSQL at {server}: {e.Message}", e));
            }
        }
        throw new InvalidOperationException(
            $"None of {string.Join(", ", servers)} is a primary that answers. " +
            $"{string.Join(' ', failures.Select(failure => failure.Message))}", new AggregateException(failures));
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
                    if (error.EndsConnection)
                        throw error;
                    break;
                case 'Z':
                    return error is null ? rows : throw error;
            }
        }
    }

    /// <summary>The lines of a <c>COPY … TO STDOUT</c>, which must be read to the end; each is good until the next.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> CopyOutAsync(
        string sql, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await BeginCopyAsync(sql, 'H', cancellationToken);
        WireException? error = null;
        while (true)
        {
            while (TryRead(out var type, out var body))
            {
                if (type == 'E')
                    error = Error(body.Span);
                if (error is not null && (type == 'Z' || error.EndsConnection))
                    throw error;
                if (type == 'Z')
                    yield break;
                if (type == 'd')
                    yield return body;
            }
            await ReceiveAsync(cancellationToken);
        }
    }

    /// <summary>Starts <c>START_REPLICATION</c>; the stream follows as messages 'd'.</summary>
    public async Task StartReplicationAsync(string sql, CancellationToken cancellationToken)
    {
        await BeginCopyAsync(sql, 'W', cancellationToken);
        if (_stream is SslStream)
            _record = new byte[RecordSize];
    }

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
            var length = Length(_start);
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
        if (_record is null)
        {
            var began = Stopwatch.GetTimestamp();
            LastReceived = await _stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
            LastWaited = Stopwatch.GetElapsedTime(began);
        }
        else
            LastReceived = await ReceiveRecordsAsync(_record, cancellationToken);
        if (LastReceived == 0)
            throw new EndOfStreamException("PostgreSQL closed the replication connection.");
        _end += LastReceived;
    }

    public static WireException Error(ReadOnlySpan<byte> body)
    {
        var fields = new Dictionary<char, string>();
        var reader = new WireReader(body);
        while (reader.Rest.Length > 1)
            fields[(char)reader.Byte()] = reader.String();
        var hint = fields.TryGetValue('H', out var text) ? $" ({text})" : "";
        return new WireException(
            fields.GetValueOrDefault('C', ""), fields.GetValueOrDefault('M', "unknown error") + hint,
            fields.GetValueOrDefault('V') is "FATAL" or "PANIC");
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _socket.Dispose();
        Return();
        _buffer = [];
    }

    private void Return()
    {
        if (_buffer.Length is > 0 and <= LargeBuffer)
            ArrayPool<byte>.Shared.Return(_buffer);
    }

    private static async Task<WireConnection> OpenAsync(NpgsqlConnectionStringBuilder settings, ServerAddress server,
        string applicationName, bool replication, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(Math.Max(settings.Timeout, 1)));
        var modes = WireTls.Attempts(settings.SslMode);
        for (var attempt = 0; ; attempt++)
        {
            var connection = new WireConnection(server.CreateSocket(ReceiveBufferSize));
            try
            {
                await connection._socket.ConnectAsync(server.EndPoint, timeout.Token);
                connection._stream = new NetworkStream(connection._socket, ownsSocket: true);
                if (server.EndPoint is DnsEndPoint)
                    connection._stream =
                        await WireTls.SecureAsync(connection._stream, settings, modes[attempt], server.Host, timeout.Token);
                await connection.StartAsync(settings, server, applicationName, replication, timeout.Token);
                return connection;
            }
            catch (Exception e)
            {
                var mayDoOtherwise = connection._stream != Stream.Null
                    && (connection._stream is SslStream || modes[attempt] == SslMode.Disable);
                await connection.DisposeAsync();
                if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                    throw new TimeoutException($"PostgreSQL at {server} did not answer within {settings.Timeout} s.", e);
                if (e is OperationCanceledException || attempt + 1 == modes.Count || !mayDoOtherwise)
                    throw;
            }
        }
    }

    private async Task StartAsync(NpgsqlConnectionStringBuilder settings, ServerAddress server, string applicationName, bool replication,
        CancellationToken cancellationToken)
    {
        var user = settings.Username ?? Environment.GetEnvironmentVariable("PGUSER") ?? Environment.UserName;
        var packet = new ArrayBufferWriter<byte>();
        packet.Write(stackalloc byte[8]);
        string[] parameters =
        [
            "user", user, "database", settings.Database ?? user, "replication", replication
                ? "database"
                : "false", "application_name", applicationName, "client_encoding", "UTF8",
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
        await AuthenticateAsync(
            user, PasswordFile.FindPassword(settings, server, user), server, settings.ChannelBinding, cancellationToken);
        await QueryAsync(PinnedSession.Sql, cancellationToken);
    }

    private async Task AuthenticateAsync(
        string user, string? known, ServerAddress server, ChannelBinding binding, CancellationToken cancellationToken)
    {
        var password = known ?? "";
        Scram? scram = null;
        var bound = false;
        while (true)
        {
            var (type, body) = await ReadAsync(cancellationToken);
            if (type == 'E')
                throw Error(body.Span);
            if (type == 'Z')
                return;
            if (type != 'R')
                continue;

            var asked = new WireReader(body.Span).Int32();
            var rest = body[4..];
            if (binding == ChannelBinding.Require && asked is 3 or 5)
                throw new InvalidOperationException(
                    $"ConnectionStrings:shop says Channel Binding=Require, and PostgreSQL at {server} asks {user} " +
                    "for a password without it.");
            if (known is null && asked is 3 or 5 or 10)
                throw new InvalidOperationException(
                    $"PostgreSQL at {server} wants a password of {user}, and there is none in the connection " +
                    "string, in PGPASSWORD or in a password file.");
            switch (asked)
            {
                case 0 when binding == ChannelBinding.Require && !bound:
                    throw new InvalidOperationException(
                        $"ConnectionStrings:shop says Channel Binding=Require, and PostgreSQL at {server} lets {user} in without it.");
                case 0:
                    break;
                case 3:
                    await SendAsync('p', [.. Encoding.UTF8.GetBytes(password), 0], cancellationToken);
                    break;
                case 5:
                    await SendAsync('p', [.. Encoding.UTF8.GetBytes(Md5(user, password, rest.Span)), 0], cancellationToken);
                    break;
                case 10:
                    scram = Scram.Choose(password, Encoding.UTF8.GetString(rest.Span).Split('\0'), _stream as SslStream, binding);
                    var first = scram.First;
                    var length = new byte[4];
                    BinaryPrimitives.WriteInt32BigEndian(length, first.Length);
                    await SendAsync('p', [.. Encoding.UTF8.GetBytes(scram.Mechanism), 0, .. length, .. first], cancellationToken);
                    break;
                case 11:
                    await SendAsync('p', (scram ?? throw Unasked(server)).Final(rest.Span), cancellationToken);
                    break;
                case 12:
                    (scram ?? throw Unasked(server)).Verify(rest.Span);
                    bound = true;
                    break;
                case var method:
                    throw new NotSupportedException(
                        $"PostgreSQL asks for authentication method {method}; this reader knows " +
                        "passwords (SCRAM-SHA-256, MD5, plain) and trust.");
            }
        }
    }

    private static InvalidDataException Unasked(ServerAddress server) =>
        new($"PostgreSQL at {server} goes on with a login that it has not begun.");

    private static string Md5(string user, string password, ReadOnlySpan<byte> salt)
    {
        var inner = Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(password + user)));
        return "md5" + Convert.ToHexStringLower(MD5.HashData([.. Encoding.UTF8.GetBytes(inner), .. salt]));
    }

    private async Task BeginCopyAsync(string sql, char expected, CancellationToken cancellationToken)
    {
        await SendQueryAsync(sql, cancellationToken);
        WireException? error = null;
        while (true)
        {
            var (type, body) = await ReadAsync(cancellationToken);
            if (type == expected)
                return;
            if (type == 'E')
                error = Error(body.Span);
            // After an error the server says that it is ready for the next command, if it stays at all.
            if (error is not null && (type == 'Z' || error.EndsConnection))
                throw error;
        }
    }

    /// <summary>
    /// One read over TLS brings one record, of 8 KB where PostgreSQL sends: takes all that are there, as a receive without TLS does. The
    /// one after them is waited for by the next call.
    /// </summary>
    private async ValueTask<int> ReceiveRecordsAsync(byte[] record, CancellationToken cancellationToken)
    {
        var free = _buffer.AsMemory(_end);
        var received = 0;
        LastWaited = TimeSpan.Zero;
        while (received < free.Length)
        {
            if (_recordStart == _recordEnd)
            {
                var next = _nextRecord ?? _stream.ReadAsync(record, cancellationToken);
                if (received > 0 && !next.IsCompletedSuccessfully)
                {
                    _nextRecord = next;
                    break;
                }
                _nextRecord = null;
                var began = Stopwatch.GetTimestamp();
                (_recordStart, _recordEnd) = (0, await next);
                if (received == 0)
                    LastWaited = Stopwatch.GetElapsedTime(began);
                if (_recordEnd == 0)
                    break;
            }

            var part = Math.Min(_recordEnd - _recordStart, free.Length - received);
            record.AsSpan(_recordStart, part).CopyTo(free.Span[received..]);
            _recordStart += part;
            received += part;
        }
        return received;
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
        var reader = new WireReader(body);
        var row = new string?[(ushort)reader.Int16()];
        for (var i = 0; i < row.Length; i++)
        {
            if (reader.Int32() is >= 0 and var length)
                row[i] = Encoding.UTF8.GetString(reader.Take(length));
        }
        return row;
    }

    private Task SendQueryAsync(string sql, CancellationToken cancellationToken) =>
        SendAsync('Q', [.. Encoding.UTF8.GetBytes(sql), 0], cancellationToken);

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

    /// <summary>The length of the message that begins at <paramref name="start"/>, with its type.</summary>
    private int Length(int start)
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(start + 1));
        return length is >= 4 and <= MaxMessage
            ? 1 + length
            : throw new InvalidDataException(
                $"PostgreSQL sent a message 0x{_buffer[start]:x2} that says it is {length} bytes long: what answers there does not " +
                "speak PostgreSQL's protocol, or lost its place.");
    }

    /// <summary>Moves what is unread to the front, and makes the buffer large enough for the message that it begins with.</summary>
    private void MakeRoom()
    {
        if (_buffer.Length > LargeBuffer && _start == _end)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(ReceiveBufferSize);
            _start = _end = 0;
        }
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        var wanted = _end >= 5 ? Length(0) : 0;
        if (wanted > _buffer.Length || _end == _buffer.Length)
        {
            var larger = wanted > LargeBuffer ? GC.AllocateUninitializedArray<byte>(wanted)
                : ArrayPool<byte>.Shared.Rent(Math.Max(wanted, _buffer.Length * 2));
            _buffer.AsSpan(0, _end).CopyTo(larger);
            Return();
            _buffer = larger;
        }
    }
}
