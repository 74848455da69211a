using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.ClickHouse;
using AspireCdc.Star.Model;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>What an update writes of its old row.</summary>
public sealed class LandingRowsTests
{
    private static readonly TableMapping Table =
        Mapped.Table("rate", Mapped.Key("percent", ColumnType.Decimal(12, 2)), Mapped.Column("name", ColumnType.String));

    [Theory]
    [InlineData("1.00", "1.00", 1)] // REPLICA IDENTITY FULL sends the old row with every update
    [InlineData("1.0", "1.00", 1)] // no other key as ClickHouse stores it
    [InlineData("1.00", "1.01", 2)]
    public void Rule_7_the_old_key_is_deleted_only_where_it_is_another_one_as_clickhouse_stores_it(string before, string after, int rows)
    {
        using var batch = new ChangeBatch();
        var relation = Relation.Of(Table);
        batch.Add(new Change(relation, ChangeOperation.Update, Lsn.Version(2, 1), 2, -1, 0, Row(batch, before), Row(batch, after)));
        using var landing = new LandingRows();

        landing.Fill(batch, deriveCopies: false);

        landing.Rows["rate"].Rows.Should().Be(rows);
        landing.DeadLetters.Should().BeEmpty();
    }

    private static RowRef Row(ChangeBatch batch, string percent)
    {
        var row = batch.AddRow(2);
        batch.SetText(row, 0, Encoding.UTF8.GetBytes(percent));
        batch.SetText(row, 1, "name"u8);
        return row;
    }
}
