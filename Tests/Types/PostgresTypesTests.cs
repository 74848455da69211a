using AspireCdc.Star.Types;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.Types;

/// <summary>The type that a column gets in ClickHouse, and the sentences where there is none.</summary>
public sealed class PostgresTypesTests
{
    [Theory]
    [InlineData("boolean", "Bool")]
    [InlineData("smallint", "Int16")]
    [InlineData("integer", "Int32")]
    [InlineData("bigint", "Int64")]
    [InlineData("oid", "UInt32")]
    [InlineData("real", "Float32")]
    [InlineData("double precision", "Float64")]
    [InlineData("numeric(12,2)", "Decimal(12, 2)")]
    [InlineData("numeric(76,10)", "Decimal(76, 10)")]
    [InlineData("numeric(4,-2)", "Decimal(6, 0)")]
    [InlineData("numeric(2,4)", "Decimal(4, 4)")]
    [InlineData("text", "String")]
    [InlineData("character varying(25)", "String")]
    [InlineData("character(8)", "String")]
    [InlineData("\"char\"", "String")]
    [InlineData("crm.citext", "String")]
    [InlineData("uuid", "UUID")]
    [InlineData("date", "Date32")]
    [InlineData("timestamp with time zone", "DateTime64(6, 'UTC')")]
    [InlineData("timestamp(3) without time zone", "DateTime64(6, 'UTC')")]
    [InlineData("time(3) without time zone", "Time64(6)")]
    [InlineData("time with time zone", "String")]
    [InlineData("interval", "String")]
    [InlineData("bytea", "String")]
    [InlineData("jsonb", "String")]
    [InlineData("money", "String")]
    [InlineData("bit(8)", "String")]
    [InlineData("integer[]", "Array(Nullable(Int32))")]
    [InlineData("numeric(5,2)[]", "Array(Nullable(Decimal(5, 2)))")]
    [InlineData("character varying(20)[]", "Array(Nullable(String))")]
    [InlineData("public.hstore", "Map(String, Nullable(String))")]
    [InlineData("hstore[]", "Array(Nullable(String))")]
    public void A_type_has_its_own(string postgres, string expected) => For(postgres).Type!.Name.Should().Be(expected);

    [Theory]
    [InlineData("integer", "Nullable(Int32)")]
    [InlineData("integer[]", "Array(Nullable(Int32))")]
    [InlineData("hstore", "Map(String, Nullable(String))")]
    public void A_column_that_may_be_NULL_is_nullable_unless_it_can_be_empty(string postgres, string expected) =>
        For(postgres, isNullable: true).Type!.Name.Should().Be(expected);

    [Fact]
    public void Enums_and_categories_have_low_cardinality()
    {
        PostgresTypes.For(new PostgresType("mood", PostgresKind.Enum), false, false, null).Type!.Name.Should().Be("LowCardinality(String)");
        PostgresTypes.For(new PostgresType("mood", PostgresKind.Enum), true, false, null).Type!.Name.Should()
            .Be("LowCardinality(Nullable(String))");
        PostgresTypes.For(new PostgresType("mood[]", PostgresKind.Enum), false, false, null).Type!.Name.Should()
            .Be("Array(LowCardinality(Nullable(String)))");
        PostgresTypes.For(new PostgresType("text"), false, true, null).Type!.Name.Should().Be("LowCardinality(String)");
        PostgresTypes.For(new PostgresType("pair", PostgresKind.Composite), false, false, null).Type!.Name.Should().Be("String");
    }

    [Theory]
    [InlineData("json", "JSON", false, "JSON")]
    [InlineData("jsonb", "JSON", true, "Nullable(JSON)")]
    [InlineData("numeric", "Decimal(38,10)", true, "Nullable(Decimal(38, 10))")]
    [InlineData("numeric", "String", false, "String")]
    [InlineData("bigint", "String", false, "String")]
    [InlineData("tsvector", "String", false, "String")]
    public void What_is_asked_for_is_taken(string postgres, string asked, bool isNullable, string expected) =>
        For(postgres, isNullable, asked: asked).Type!.Name.Should().Be(expected);

    [Theory]
    [InlineData("numeric", null, "is numeric without limits: say how many digits it has*")]
    [InlineData("numeric(80,2)", null, "is numeric(80,2), and ClickHouse's Decimal holds 76 digits: ask for String*")]
    [InlineData("tsvector", null, "is tsvector, a search index of other columns: it is left out*")]
    [InlineData("uuid", "Int64",
        "is uuid in PostgreSQL, and Int64 cannot hold a value such as '0188c2f0-aa11-7bcd-8eee-0123456789ab': ask for String*")]
    [InlineData("text", "Enum8('a' = 1)", "is to be 'Enum8('a' = 1)', and that is no type that values can be written to*")]
    public void What_has_no_type_says_why_and_what_to_do(string postgres, string? asked, string refusal)
    {
        var choice = For(postgres, asked: asked);
        choice.Type.Should().BeNull();
        choice.Refusal.Should().Match(refusal);
    }

    [Fact]
    public void Only_text_is_a_category() =>
        PostgresTypes.For(new PostgresType("bytea"), false, true, null).Refusal.Should()
            .StartWith("is bytea, and only text can be a category");

    [Theory]
    [InlineData("character varying(20)", "text", true)]
    [InlineData("numeric(10,2)", "numeric(12,2)", true)]
    [InlineData("timestamp without time zone", "timestamp with time zone", true)]
    [InlineData("character varying(20)[]", "text[]", true)]
    [InlineData("integer", "bigint", false)]
    [InlineData("text", "bytea", false)]
    [InlineData("text", "text[]", false)]
    [InlineData("date", "timestamp with time zone", false)]
    public void Types_land_alike_or_do_not(string one, string other, bool expected)
    {
        PostgresTypes.LandAlike(one, other).Should().Be(expected);
        PostgresTypes.LandAlike(other, one).Should().Be(expected);
    }

    private static TypeChoice For(string postgres, bool isNullable = false, string? asked = null) =>
        PostgresTypes.For(new PostgresType(postgres), isNullable, isCategory: false, asked);
}
