using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Types;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Types;

/// <summary>A key has one form, wherever it is written or compared.</summary>
public sealed class KeyTextTests
{
    [Theory]
    [InlineData("Int64", "7", "7", "+7", "007")]
    [InlineData("Decimal(12, 2)", "1.5", "1.50", "1.5", "+1.500", "15e-1")]
    [InlineData("Decimal(12, 2)", "0", "0.00", "-0", "0")]
    [InlineData("Decimal(12, 2)", "-0.05", "-0.05", "-.050")]
    [InlineData("Decimal(60, 10)", "100", "100.0000000000", "1e2", "100")]
    [InlineData("DateTime64(6, 'UTC')", "2026-01-02 03:04:05.5", "2026-01-02 03:04:05.5+00", "2026-01-02T03:04:05.500000Z",
        "2026-01-02 04:04:05.5+01", "2026-01-01 21:34:05.500000-05:30")]
    [InlineData("DateTime64(6, 'UTC')", "9999-12-31 23:59:59.999999", "infinity", "9999-12-31 23:59:59.999999+00")]
    [InlineData("DateTime64(6, 'UTC')", "0001-03-01 00:00:00 BC", "0001-03-01 00:00:00+00 BC")]
    [InlineData("Date32", "2024-02-29", "2024-02-29", "2024-02-29T00:00:00Z")]
    [InlineData("Time64(6)", "03:04:05.6", "03:04:05.6", "03:04:05.600000")]
    [InlineData("UUID", "0188c2f0-aa11-7bcd-8eee-0123456789ab", "0188C2F0-AA11-7BCD-8EEE-0123456789AB")]
    [InlineData("Bool", "true", "t", "true")]
    [InlineData("Float64", "0.1", "0.1", "1e-1")]
    [InlineData("String", "AB-1    ", "AB-1    ")]
    public void Texts_of_one_value_have_one_form(string name, string canonical, params string[] texts)
    {
        ColumnType.TryParse(name, out var type).Should().BeTrue();
        foreach (var text in texts.Append(canonical))
            type!.Canonical(Encoding.UTF8.GetBytes(text)).Should().Be(canonical, text);
    }

    [Fact]
    public void Bytes_have_one_form_too()
    {
        var bytes = ColumnType.String.For("bytea");
        bytes.Canonical("\\xDEADbeef"u8).Should().Be("\\xdeadbeef");
        bytes.Canonical("3q2+7w=="u8).Should().Be("\\xdeadbeef", "JSON of other programs has base64");
        bytes.Literal("\\x00ff"u8).Should().Be("unhex('00ff')");
    }

    [Fact]
    public void Dates_of_a_server_with_fewer_years_end_where_it_ends()
    {
        var narrow = ColumnType.Date.Within(DateRange.Narrowest);
        narrow.Canonical("infinity"u8).Should().Be("2299-12-31");
        narrow.TryWrite("2300-01-01"u8, new System.Buffers.ArrayBufferWriter<byte>()).Should().BeFalse();
        ColumnType.Nullable(ColumnType.Timestamp).Within(DateRange.Narrowest)
            .TryWrite("1899-12-31 23:59:59+00"u8, new System.Buffers.ArrayBufferWriter<byte>()).Should().BeFalse();
    }

    [Theory]
    [InlineData("a", "b")]
    [InlineData("a,b", "c")]
    [InlineData("a", "b,c")]
    [InlineData("\"", "\\")]
    [InlineData("a\\,", "\",")]
    [InlineData("", "")]
    public void A_key_of_several_columns_comes_apart_as_it_was_joined(string first, string second)
    {
        var table = Mapped.Table("t", Mapped.Key("a", ColumnType.String), Mapped.Key("b", ColumnType.String));
        KeyText.Split(table, KeyText.Join([first, second])).Should().Equal(first, second);
    }

    [Fact]
    public void What_is_no_key_does_not_come_apart() =>
        KeyText.Split(Mapped.Table("t", Mapped.Key("a", ColumnType.String), Mapped.Key("b", ColumnType.String)), "only").Should().BeNull();
}
