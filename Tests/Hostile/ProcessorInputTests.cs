using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.CdcProcessor.Kafka;
using AspireCdc.CdcProcessor.Postgres;
using AspireCdc.Tests.CdcProcessor;
using AspireCdc.Tests.Kafka;
using AwesomeAssertions;
using Confluent.Kafka;
using Xunit;

namespace AspireCdc.Tests.Hostile;

/// <summary>What reaches the processor from its servers, mutated: each message is taken, or refused
/// with a sentence that names it.</summary>
public sealed class ProcessorInputTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Replication_messages_are_decoded_or_refused()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var number = 0; number < Campaign.Count; number++)
        {
            var dice = Campaign.Dice(number);
            var decoder = new PgOutputDecoder(Store.Own, "aspirecdc", _ => { }, _ => { });
            var batch = new StreamBatch();
            var messages = Transaction(dice);
            var broken = dice.Next(messages.Count);
            for (var i = 0; i < messages.Count; i++)
            {
                try
                {
                    decoder.Decode((ulong)(100 + i), i == broken ? dice.Mutate(messages[i]) : messages[i], batch);
                }
                catch (InvalidDataException e) when (i >= broken)
                {
                    e.Message.Should().StartWith("PostgreSQL sent a replication message ", Campaign.Name(number)).And.NotContain("secret");
                    break;
                }
                catch (Exception e)
                {
                    Assert.Fail($"{Campaign.Name(number)}: {e}");
                }
            }
            batch.Changes.Dispose();
        }
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(100_000_000);
    }

    [Fact]
    public async Task The_replication_connection_takes_frames_or_refuses_them()
    {
        for (var number = 0; number < Campaign.Count / 10; number++)
        {
            var dice = Campaign.Dice(number);
            byte[] frames = [.. Frame('R', [0, 0, 0, 0]), .. Frame('S', "server_version\018\0"u8), .. Frame('K', [0, 0, 0, 1, 0, 0, 0, 2]),
                .. Frame('Z', "I"u8),
                .. Frame('T', [0, 1, .. "a\0"u8, .. new byte[18]]), .. Frame('D', [0, 2, 0, 0, 0, 1, (byte)'f', 255, 255, 255, 255]),
                .. Frame('C', "SELECT 1\0"u8), .. Frame('Z', "I"u8)];
            var sent = dice.Mutate(frames);
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var answering = AnswerAsync(listener, sent);
            try
            {
                await using var connection = await WireConnection.OpenAsync(
                    $"Host=127.0.0.1;Port={((IPEndPoint)listener.LocalEndpoint).Port};Username=u;Password=secret;SSL " +
                    "Mode=Disable;Timeout=10", "test", replication: true, Cancellation);
                await connection.QueryAsync("SELECT 1", Cancellation).WaitAsync(TimeSpan.FromSeconds(10), Cancellation);
            }
            catch (Exception e) when (e is InvalidDataException or IOException or WireException or NotSupportedException
                or InvalidOperationException and not ObjectDisposedException or SocketException)
            {
                e.ToString().Should().NotContain("secret");
            }
            catch (Exception e)
            {
                Assert.Fail($"{Campaign.Name(number)}: {e}");
            }
            await answering;
        }
    }

    /// <summary>What the campaign found, each by itself.</summary>
    [Theory]
    [InlineData("52000000060000", "it says that 4 bytes follow, and 2 do")] // a login's question without its kind
    [InlineData("450000000853464154", "it has a text without an end")] // an error that does not end
    [InlineData("52ffffffff", "says it is -1 bytes long")]
    [InlineData("527fffffff", "says it is 2147483647 bytes long")] // two gigabytes that nobody sends
    [InlineData("52000000080000000b", "goes on with a login that it has not begun")]
    public async Task A_broken_frame_is_refused_with_a_sentence(string hex, string sentence)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answering = AnswerAsync(listener, Convert.FromHexString(hex));

        await FluentActions.Awaiting(() => WireConnection.OpenAsync(
                $"Host=127.0.0.1;Port={((IPEndPoint)listener.LocalEndpoint).Port};Username=u;Password=secret;SSL Mode=Disable;Timeout=10",
                "test", replication: true, Cancellation))
            .Should().ThrowAsync<InvalidDataException>().WithMessage($"*{sentence}*");
        await answering;
    }

    [Fact]
    public void Kafka_messages_become_changes_or_dead_letters()
    {
        var reader = new MessageReader(Store.Own, "topic");
        for (var number = 0; number < Campaign.Count; number++)
        {
            var dice = Campaign.Dice(number);
            var (key, value) = Messages.Customer(1, "Bern");
            if (dice.Next(3) == 0)
                value = value.Replace(
                    "\"Bern\"", dice.Pick(JsonSerializer.Serialize(dice.Text()), new string('[', 3000), "1e999", "{\"a\":1}", "-00012"));
            using var batch = new ChangeBatch();
            try
            {
                reader.Read(
                    new()
                    {
                        TopicPartitionOffset = new TopicPartitionOffset("topic", 3, number),
                        Message = new()
                        {
                            Key = dice.Next(10) == 0
                                ? null : dice.Next(4) == 0 ? dice.Mutate(Encoding.UTF8.GetBytes(key)) : Encoding.UTF8.GetBytes(key),
                            Value = dice.Next(50) == 0 ? null : dice.Mutate(Encoding.UTF8.GetBytes(value)),
                            Headers =
                                new Headers { { "traceparent",
                                    dice.Mutate("00-00000000000000000000000000000001-00000000000000ab-01"u8.ToArray()) },
                                    { "commit_ts_ms", dice.Mutate("1700000000000"u8.ToArray()) } },
                        },
                    },
                    batch, out _);
                batch.DeadLetters.Should()
                    .OnlyContain(letter => letter.Reason.Contains($"offset {number} of partition 3 of topic"), Campaign.Name(number));
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"{Campaign.Name(number)}: {e}");
            }
        }
    }

    [Fact]
    public async Task Answers_of_clickhouse_are_read_or_refused()
    {
        for (var number = 0; number < Campaign.Count; number++)
        {
            var dice = Campaign.Dice(number);
            using var client = new ClickHouseClient("Host=h;Password=secret", new Answers(dice));
            try
            {
                if (dice.Next(2) == 0)
                    await client.QueryAsync("SELECT 1", Cancellation);
                else
                    await client.ScalarAsync("SELECT 1", Cancellation);
            }
            catch (Exception e) when (e is ClickHouseException or HttpRequestException or InvalidDataException)
            {
                e.ToString().Should().NotContain("secret");
            }
            catch (Exception e)
            {
                Assert.Fail($"{Campaign.Name(number)}: {e}");
            }
        }
    }

    private static async Task AnswerAsync(TcpListener listener, byte[] frames)
    {
        using var client = await listener.AcceptTcpClientAsync(Cancellation);
        try
        {
            await using var stream = client.GetStream();
            await stream.WriteAsync(frames, Cancellation);
            client.Client.Shutdown(SocketShutdown.Send);
            await stream.CopyToAsync(Stream.Null, Cancellation);
        }
        catch (IOException)
        {
            // It has heard enough.
        }
    }

    private static byte[] Frame(char type, ReadOnlySpan<byte> body)
    {
        var frame = new byte[5 + body.Length];
        frame[0] = (byte)type;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), 4 + body.Length);
        body.CopyTo(frame.AsSpan(5));
        return frame;
    }

    /// <summary>A customer is described, inserted, updated and deleted; the table emptied; a marker passes.</summary>
    private static List<byte[]> Transaction(Random dice)
    {
        string[] columns = ["id", "email", "name", "country", "city", "created_at"];
        string[] values = ["7", "a@b.c", dice.Text(), "CH", "Bern", "2024-01-02 03:04:05+00"];
        byte[] row = [.. Short(columns.Length), .. values.SelectMany(value =>
            (byte[])[(byte)'t', .. Int(Encoding.UTF8.GetByteCount(value)), .. Encoding.UTF8.GetBytes(value)])];
        byte[] toast = [.. Short(columns.Length), .. row[2..^1].Take(0), .. Enumerable.Range(0, columns.Length)
            .SelectMany(i => i == 0 ? (byte[])[(byte)'t', .. Int(1), (byte)'7'] : [(byte)"un"[i % 2]])];
        return
        [
            [(byte)'B', .. new byte[8], .. new byte[8], .. Int(9)],
            [(byte)'R', .. Int(1), .. "public\0customer\0d"u8, .. Short(columns.Length), .. columns.SelectMany(name =>
                (byte[])[0, .. Encoding.UTF8.GetBytes(name), 0, .. Int(25), .. Int(-1)])],
            [(byte)'I', .. Int(1), (byte)'N', .. row],
            [(byte)'U', .. Int(1), (byte)'O', .. row, (byte)'N', .. toast],
            [(byte)'D', .. Int(1), (byte)'K', .. row],
            [(byte)'T', .. Int(1), 0, .. Int(1)],
            [(byte)'M', 0, .. new byte[8], .. "aspirecdc\0"u8, .. Int(2), .. "[]"u8],
            [(byte)'C', .. new byte[25]],
        ];
    }

    private static byte[] Int(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Short(int value) => Int(value)[2..];

    private sealed class Answers(Random dice) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = new HttpResponseMessage((HttpStatusCode)dice.Pick(200, 200, 200, 404, 500, 503))
            {
                Content = new ByteArrayContent(dice.Mutate("1\tx\\ty\\\\\n2\t\\N\n"u8.ToArray())),
            };
            if (dice.Next(3) == 0)
                answer.Headers.TryAddWithoutValidation("X-ClickHouse-Exception-Code", dice.Pick("60", "x", "", "99999999999"));
            return Task.FromResult(answer);
        }
    }
}
