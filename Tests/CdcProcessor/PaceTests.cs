using AspireCdc.CdcProcessor.Postgres;
using AwesomeAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>When the reader of the stream waits for more to be there.</summary>
public sealed class PaceTests
{
    private const int TlsRecord = 16 * 1024;

    [Theory]
    [InlineData(TlsRecord, 0, false)]
    [InlineData(TlsRecord, 200, false)]
    [InlineData(TlsRecord, 100_000_000, true)]
    [InlineData(256 * 1024, 0, true)]
    public async Task In_a_flood_it_waits_unless_much_came_or_a_large_message_is_under_way(int received, int missing, bool atOnce)
    {
        var pace = new Pace(new FakeTimeProvider());
        for (var i = 0; i < 17; i++)
            await pace.BeforeReceiveAsync(TlsRecord, 0, TestContext.Current.CancellationToken);

        pace.BeforeReceiveAsync(received, missing, TestContext.Current.CancellationToken).IsCompleted.Should().Be(atOnce);
    }
}
