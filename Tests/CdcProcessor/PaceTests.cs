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
        pace.AfterReceive(received, TimeSpan.Zero);

        pace.BeforeReceiveAsync(missing, TestContext.Current.CancellationToken).IsCompleted.Should().Be(atOnce);
    }

    [Theory]
    [InlineData(128, 8_000, 2)] // four thousand bytes in a millisecond: a busy shop
    [InlineData(128, 8_400, 16)]
    [InlineData(128, 20_000, 13)] // ten thousand: 128 KB take thirteen
    [InlineData(64, 20_000, 6)]
    [InlineData(128, 400_000, 2)]
    [InlineData(0, 20_000, 2)] // a Unix socket
    public async Task It_waits_for_as_long_as_the_room_takes_to_fill_and_not_long_where_little_comes(
        int room, int received, int milliseconds)
    {
        var pace = await InAFloodAsync(room * 1024);
        (await WaitOnceAsync(pace, 2)).Should().BeTrue();
        pace.AfterReceive(received / 2, TimeSpan.Zero);
        pace.AfterReceive(received / 2, TimeSpan.Zero);
        pace.AfterReceive(0, TimeSpan.Zero);

        (await WaitOnceAsync(pace, milliseconds)).Should().BeTrue();
    }

    [Fact]
    public async Task A_receive_that_had_to_wait_ends_the_flood()
    {
        var pace = await InAFloodAsync();
        (await WaitOnceAsync(pace, 2)).Should().BeTrue();
        pace.AfterReceive(TlsRecord, TimeSpan.FromMilliseconds(3));

        pace.BeforeReceiveAsync(0, TestContext.Current.CancellationToken).IsCompleted.Should().BeTrue();
    }

    [Fact]
    public async Task While_it_waits_little_wakes_nobody_and_afterwards_every_byte_does()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The mark is used on Linux alone.");
        var pace = await InAFloodAsync();
        Mark.Should().Be(1);

        var wait = pace.BeforeReceiveAsync(0, TestContext.Current.CancellationToken);
        Mark.Should().Be(256 * 1024);
        _time.Advance(TimeSpan.FromMilliseconds(16));
        await wait;

        Mark.Should().Be(1);
    }

    /// <summary>Whether the next wait ends after so many milliseconds, and not before.</summary>
    private async Task<bool> WaitOnceAsync(Pace pace, int milliseconds)
    {
        var wait = pace.BeforeReceiveAsync(0, TestContext.Current.CancellationToken).AsTask();
        _time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
        var isEarly = wait.IsCompleted;
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await wait.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        return !isEarly;
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

    private async Task<Pace> InAFloodAsync(int room = 128 * 1024)
    {
        var pace = new Pace(new LowWaterMark(_socket), room, _time);
        for (var i = 0; i < 17; i++)
        {
            await pace.BeforeReceiveAsync(0, TestContext.Current.CancellationToken);
            pace.AfterReceive(TlsRecord, TimeSpan.Zero);
        }
        return pace;
    }
}
