using System.Net.Sockets;
using AspireCdc.CdcProcessor.Postgres;
using AwesomeAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>When the reader of the stream waits for more to be there.</summary>
public sealed class PaceTests : IDisposable
{
    private const int TlsRecord = 16 * 1024;

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _socket.Dispose();

    [Theory]
    [InlineData(TlsRecord, 0, false)]
    [InlineData(TlsRecord, 200, false)]
    [InlineData(TlsRecord, 100_000_000, true)]
    [InlineData(256 * 1024, 0, true)]
    public async Task In_a_flood_it_waits_unless_much_came_or_a_large_message_is_under_way(int received, int missing, bool atOnce)
    {
        var pace = await InAFloodAsync();

        pace.BeforeReceiveAsync(received, missing, TestContext.Current.CancellationToken).IsCompleted.Should().Be(atOnce);
    }

    [Fact]
    public async Task While_it_waits_little_wakes_nobody_and_afterwards_every_byte_does()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The mark is used on Linux alone.");
        var pace = await InAFloodAsync();
        Mark.Should().Be(1);

        var wait = pace.BeforeReceiveAsync(TlsRecord, 0, TestContext.Current.CancellationToken);
        Mark.Should().Be(64 * 1024);
        _time.Advance(TimeSpan.FromMilliseconds(2));
        await wait;

        Mark.Should().Be(1);
    }

    private int Mark
    {
        get
        {
            var value = new byte[sizeof(int)];
            _socket.GetRawSocketOption(1, 18, value); // SOL_SOCKET, SO_RCVLOWAT
            return BitConverter.ToInt32(value);
        }
    }

    private async Task<Pace> InAFloodAsync()
    {
        var pace = new Pace(new LowWaterMark(_socket), _time);
        for (var i = 0; i < 17; i++)
            await pace.BeforeReceiveAsync(TlsRecord, 0, TestContext.Current.CancellationToken);
        return pace;
    }
}
