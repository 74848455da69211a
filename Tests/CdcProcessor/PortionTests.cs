using AspireCdc.CdcProcessor.Changes;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What is done at once is bounded by number and by size.</summary>
public sealed class PortionTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("1 1 1 1 1 1 1", "1 1 1|1 1 1|1")]
    [InlineData("4 4 2 5 5 1", "4 4 2|5 5|1")]
    [InlineData("1 90 1 1", "1|90|1 1")]
    [InlineData("0 0 0 0", "0 0 0|0")]
    public void A_portion_has_three_items_and_ten_bytes_at_most_or_one_larger_item(string sizes, string portions) =>
        string.Join('|', sizes.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .InPortions(most: 3, mostBytes: 10, bytesOf: long.Parse).Select(portion => string.Join(' ', portion)))
            .Should().Be(portions);
}
