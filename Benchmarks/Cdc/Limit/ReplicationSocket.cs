using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using AspireCdc.Benchmarks.Machine;
using Npgsql;

namespace AspireCdc.Benchmarks.Cdc.Limit;

/// <summary>
/// A replication connection on a plain socket, as far as reading a slot needs it (PostgreSQL's documentation: "Message Formats" and
/// "Streaming Replication Protocol"). For a thread of its own.
/// </summary>
internal sealed class ReplicationSocket : IDisposable
{
    private const int ProtocolVersion = 3 << 16;

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = 1 << 20 };

    /// <summary>The socket, once the server streams: what is received from now on are CopyData messages.</summary>
    public Socket Socket => _socket;

    /// <summary>Logs in and starts to read the slot where it stands.</summary>
    public static ReplicationSocket Start(NpgsqlConnectionStringBuilder source, string slot, string publication)
    {
        var connection = new ReplicationSocket();
        try
        {
            connection._socket.Connect(source.Host!, source.Port);
            connection.LogIn(source);
            connection.Send(
                (byte)'Q', Text($"START_REPLICATION SLOT {slot} LOGICAL 0/0 (proto_version '1', publication_names '{publication}')"));
            connection.ReadUntil((byte)'W');
            // A blocking receive would wait for the low-water mark, however long that takes.
            connection._socket.Blocking = false;
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Tells the server that everything before a position was received.</summary>
    public void Confirm(ulong position)
    {
        Span<byte> message = stackalloc byte[39];
        message[0] = (byte)'d';
        BinaryPrimitives.WriteInt32BigEndian(message[1..], message.Length - 1);
        message[5] = (byte)'r';
        for (var at = 6; at < 30; at += 8) // written, flushed, applied
            BinaryPrimitives.WriteUInt64BigEndian(message[at..], position);
        _socket.Send(message);
    }

    public void Dispose() => _socket.Dispose();

    private void LogIn(NpgsqlConnectionStringBuilder source)
    {
        byte[] parameters = [0, 0, 0, 0, .. Text("user"), .. Text(source.Username!), .. Text("database"), .. Text(source.Database!),
            .. Text("replication"), .. Text("database"), 0];
        BinaryPrimitives.WriteInt32BigEndian(parameters, ProtocolVersion);
        Send(null, parameters);

        var scram = new Scram(source.Password!);
        while (true)
        {
            var message = ReadUntil((byte)'R');
            switch (BinaryPrimitives.ReadInt32BigEndian(message))
            {
                case 0: // authenticated
                    ReadUntil((byte)'Z');
                    return;
                case 10: // the mechanisms it offers
                    var first = Encoding.ASCII.GetBytes(scram.First);
                    byte[] response = [.. Text(Scram.Mechanism), 0, 0, 0, 0, .. first];
                    BinaryPrimitives.WriteInt32BigEndian(response.AsSpan(Scram.Mechanism.Length + 1), first.Length);
                    Send((byte)'p', response);
                    break;
                case 11: // its challenge
                    Send((byte)'p', Encoding.ASCII.GetBytes(scram.Final(Encoding.ASCII.GetString(message.AsSpan(4)))));
                    break;
                case 12: // its own proof, which a benchmark on loopback can do without
                    break;
                case var other:
                    throw new BenchmarkException(
                        $"PostgreSQL asks for a login of kind {other}; the benchmark knows SCRAM-SHA-256 only.");
            }
        }
    }

    private void Send(byte? type, ReadOnlySpan<byte> body)
    {
        byte[] message = type is { } letter ? [letter, 0, 0, 0, 0, .. body] : [0, 0, 0, 0, .. body];
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(type is null ? 0 : 1), body.Length + 4);
        _socket.Send(message);
    }

    /// <summary>The body of the next message of this type; others are skipped, an error is thrown.</summary>
    private byte[] ReadUntil(byte type)
    {
        var header = new byte[5];
        while (true)
        {
            ReadExactly(header);
            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(1)) - 4];
            ReadExactly(body);
            if (header[0] == type)
                return body;
            if (header[0] == 'E')
                throw new BenchmarkException(
                    "PostgreSQL refused the replication connection: " + Encoding.UTF8.GetString(body).Replace('\0', ' '));
        }
    }

    private void ReadExactly(Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var read = _socket.Receive(buffer);
            if (read == 0)
                throw new BenchmarkException("PostgreSQL closed the replication connection.");
            buffer = buffer[read..];
        }
    }

    private static byte[] Text(string text) => [.. Encoding.UTF8.GetBytes(text), 0];
}
