using AspireCdc.ServiceDefaults;
using AwesomeAssertions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Xunit;

namespace AspireCdc.Tests.ServiceDefaults;

public sealed class DatabaseUrlTests
{
    [Theory]
    [InlineData("postgresql://postgres:postgres@localhost:5434/shop", "Host=localhost;Port=5434;Username=postgres;Password=postgres;Database=shop")]
    [InlineData("postgres://db/shop", "Host=db;Database=shop")]
    [InlineData("postgresql://a%40b:p%3Aw%2F@db.example.com/my%20shop", "Host=db.example.com;Username=a@b;Password=p:w/;Database=my shop")]
    [InlineData("postgresql://u:p@h/d?sslmode=disable&connect_timeout=3&application_name=a-b", "Host=h;Username=u;Password=p;Database=d;SSL Mode=Disable;Timeout=3;Application Name=a-b")]
    [InlineData("postgresql://u@h/d?sslmode=verify-full", "Host=h;Username=u;Database=d;SSL Mode=VerifyFull")]
    [InlineData("Host=localhost;Port=5434;Username=u", "Host=localhost;Port=5434;Username=u")]
    public void Both_forms_are_understood(string given, string expected) =>
        new NpgsqlConnectionStringBuilder(DatabaseUrl.ToConnectionString(given)).Should().BeEquivalentTo(new NpgsqlConnectionStringBuilder(expected));

    [Theory]
    [InlineData("postgresql://"), InlineData("postgresql://u:p@/d"), InlineData("postgresql://h/d?nonsense=1"), InlineData("postgresql://h/d?sslmode=perhaps")]
    public void What_cannot_be_read_gets_a_sentence(string url) =>
        FluentActions.Invoking(() => DatabaseUrl.ToConnectionString(url)).Should().Throw<FormatException>().WithMessage("The database URL*");

    [Theory]
    [InlineData("Host=named", "postgresql://url/d", "Host=named")]
    [InlineData("postgresql://named/d", "postgresql://url/d", "Host=named;Database=d")]
    [InlineData(null, "postgresql://url/d", "Host=url;Database=d")]
    [InlineData("", "Host=url", "Host=url")]
    [InlineData(null, null, null)]
    public void The_connection_string_goes_before_the_url(string? named, string? url, string? expected)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:shop", named), new("DATABASE_URL", url)]);

        builder.AddDatabaseUrl("shop");

        builder.Configuration.GetConnectionString("shop").Should().Be(expected);
    }
}
