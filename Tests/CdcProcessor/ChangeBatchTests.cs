using AspireCdc.CdcProcessor.Changes;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What room batches take.</summary>
public sealed class ChangeBatchTests
{
    [Fact]
    public void The_next_one_begins_as_large_in_a_flood_and_small_after_a_large_row()
    {
        using var flood = Of(rows: 1000, bytes: 50_000);
        using var large = Of(rows: 1, bytes: 40_000_000);

        flood.Next.Should().Be(new BatchSize(50_000_000, 1000, 1000));
        large.Next.Should().Be(default(BatchSize));
    }

    [Fact]
    public void A_pool_keeps_the_two_largest_arrays_and_gives_none_of_them_for_a_few_rows()
    {
        var pool = BatchPool<decimal>.Arrays; // No batch has any of these.
        var (small, middle, large) = (pool.Rent(8_192), pool.Rent(16_384), pool.Rent(32_768));
        foreach (var array in new[] { large, small, middle })
            pool.Return(array);

        pool.Rent(100).Should().NotBeSameAs(middle).And.HaveCount(128);
        pool.Rent(5_000).Should().BeSameAs(middle, "the smaller one is not kept");
        pool.Rent(5_000).Should().BeSameAs(large);
        pool.Rent(5_000).Should().HaveCount(8_192).And.NotBeSameAs(small);
    }

    [Fact]
    public void A_new_array_takes_the_place_of_one_that_is_too_small()
    {
        var pool = BatchPool<Guid>.Arrays;
        var small = pool.Rent(8_192);
        pool.Return(small);

        var large = pool.Rent(16_384);

        large.Should().HaveCount(16_384);
        pool.Rent(8_192).Should().NotBeSameAs(small);
    }

    private static ChangeBatch Of(int rows, int bytes)
    {
        var batch = new ChangeBatch();
        for (var i = 0; i < rows; i++)
        {
            var row = batch.AddRow(1);
            batch.SetText(row, 0, bytes);
            batch.Add(default(Change));
        }
        return batch;
    }
}
