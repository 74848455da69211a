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
    [InlineData(
        "postgresql://postgres:postgres@localhost:5434/shop", "Host=localhost;Port=5434;Username=postgres;Password=postgres;Database=shop")]
    [InlineData("postgres://db/shop", "Host=db;Database=shop")]
    [InlineData("postgresql://a%40b:p%3Aw%2F@db.example.com/my%20shop", "Host=db.example.com;Username=a@b;Password=p:w/;Database=my shop")]
    [InlineData("postgresql://u:p@h/d?sslmode=disable&connect_timeout=3&application_name=a-b",
        "Host=h;Username=u;Password=p;Database=d;SSL Mode=Disable;Timeout=3;Application Name=a-b")]
    [InlineData("postgresql://u@h/d?sslmode=verify-full", "Host=h;Username=u;Database=d;SSL Mode=VerifyFull")]
    [InlineData("Host=localhost;Port=5434;Username=u", "Host=localhost;Port=5434;Username=u")]
    public void Both_forms_are_understood(string given, string expected) => Understood(given, expected);

    [Theory]
    // Neon
    [InlineData(
        "postgresql://alex:AbC123dEf@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/dbname" +
        "?sslmode=require&channel_binding=require",
        "Host=ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech;Username=alex;Password=AbC123dEf;Database=dbname;SSL " +
        "Mode=Require;Channel Binding=Require")]
    // Supabase
    [InlineData(
        "postgresql://postgres.apbkobhfnmcqqzqeeqss:pa%23ss@aws-0-eu-west-1.pooler.supabase.com:6543/postgres" +
        "?pgbouncer=true&connection_limit=1",
        "Host=aws-0-eu-west-1.pooler.supabase.com;Port=6543;Username=postgres.apbkobhfnmcqqzqeeqss;Password=pa#ss;Database=postgres")]
    // RDS
    [InlineData(
        "host=shop.abc.eu-west-1.rds.amazonaws.com port=5432 dbname=shop user=cdc password='it\\'s me' " +
        "sslmode=verify-full sslrootcert=/etc/rds.pem",
        "Host=shop.abc.eu-west-1.rds.amazonaws.com;Port=5432;Database=shop;Username=cdc;Password=\"it's me\";SSL Mode=VerifyFull;Root " +
        "Certificate=/etc/rds.pem")]
    // Cloud SQL, over its socket
    [InlineData("postgresql://cdc:secret@/shop?host=/cloudsql/project:region:instance",
        "Host=/cloudsql/project:region:instance;Username=cdc;Password=secret;Database=shop")]
    [InlineData("postgresql+psycopg2://cdc:secret@/shop?host=/var/run/postgresql",
        "Host=/var/run/postgresql;Username=cdc;Password=secret;Database=shop")]
    [InlineData("postgresql://cdc@%2Fvar%2Frun%2Fpostgresql/shop", "Host=/var/run/postgresql;Username=cdc;Database=shop")]
    // Azure
    [InlineData("host=shop.postgres.database.azure.com port=5432 dbname=shop user=cdc@shop password=secret sslmode=require",
        "Host=shop.postgres.database.azure.com;Port=5432;Database=shop;Username=cdc@shop;Password=secret;SSL Mode=Require")]
    [InlineData("Server=shop.postgres.database.azure.com;Database=shop;Port=5432;User Id=cdc;Password=secret;Ssl Mode=Require;",
        "Host=shop.postgres.database.azure.com;Database=shop;Port=5432;Username=cdc;Password=secret;SSL Mode=Require")]
    // Heroku
    [InlineData("postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1?ssl=true",
        "Host=ec2-1-2-3-4.compute-1.amazonaws.com;Port=5432;Username=u;Password=p;Database=d1;SSL Mode=VerifyFull")]
    // Prisma
    [InlineData("postgresql://u:p@h:5432/d?schema=public&sslmode=prefer&pool_timeout=0&connect_timeout=300",
        "Host=h;Port=5432;Username=u;Password=p;Database=d;SSL Mode=Prefer;Timeout=300")]
    // psycopg, SQLAlchemy, JDBC
    [InlineData("postgresql+psycopg://u:p@h/d", "Host=h;Username=u;Password=p;Database=d")]
    [InlineData("postgresql+asyncpg://u:p@h/d?ssl=require", "Host=h;Username=u;Password=p;Database=d;SSL Mode=Require")]
    [InlineData("jdbc:postgresql://h:5433/d?user=u&password=p&currentSchema=public", "Host=h;Port=5433;Username=u;Password=p;Database=d")]
    // several hosts, IPv6, special characters, quotes of an env file, keepalives
    [InlineData("postgresql://u:p@h1:5432,h2:5433/d?target_session_attrs=primary",
        "Host=\"h1:5432,h2:5433\";Username=u;Password=p;Database=d;Target Session Attributes=primary")]
    [InlineData("postgresql://u:p@[::1]:5433/d", "Host=::1;Port=5433;Username=u;Password=p;Database=d")]
    [InlineData("postgresql://u:p@[2001:db8::7]/d", "Host=2001:db8::7;Username=u;Password=p;Database=d")]
    [InlineData("postgresql://u:p/w#:=&;@h/d", "Host=h;Username=u;Password=\"p/w#:=&;\";Database=d")]
    [InlineData("postgresql://u:p%25%20%3B%22@h/d", "Host=h;Username=u;Password='p% ;\"';Database=d")]
    [InlineData(
        "'postgresql://u:p@h/d?keepalives=1&keepalives_idle=30&gssencmode=disable&sslsni=1'", "Host=h;Username=u;Password=p;Database=d")]
    [InlineData("postgresql://u:p@h/d?options=endpoint%3Dep-1", "Host=h;Username=u;Password=p;Database=d;Options='endpoint=ep-1'")]
    public void What_consoles_give_is_understood(string given, string expected) => Understood(given, expected);

    [Theory]
    [InlineData("postgresql://"), InlineData("postgresql://u:p@/d"), InlineData("postgresql://h/d?nonsense=secret"),
        InlineData("postgresql://h/d?sslmode=perhaps")]
    [InlineData("postgresql://u:secret@h:http/d"), InlineData("postgresql://u:secret@h:0/d"), InlineData("postgresql://u:secret@[::1/d"),
        InlineData("mysql://u:secret@h/d"), InlineData("postgresql://u:secret?1@h/d"), InlineData("postgresql://u:secret/1?2@h/d")]
    public void What_cannot_be_read_gets_a_sentence(string url) =>
        FluentActions.Invoking(() => DatabaseUrl.ToConnectionString(url)).Should().Throw<FormatException>()
            .WithMessage("The database URL*").Which.ToString().Should().NotContain("secret");

    [Theory]
    [InlineData("Host=named", "postgresql://url/d", "Host=named")]
    [InlineData("postgresql://named/d", "postgresql://url/d", "Host=named;Database=d")]
    [InlineData(null, "postgresql://url/d", "Host=url;Database=d")]
    [InlineData("", "Host=url", "Host=url")]
    [InlineData(null, null, null)]
    public void The_connection_string_goes_before_the_url(string? named, string? url, string? expected) =>
        Configured(named, url).Should().Be(expected);

    [Theory]
    [InlineData("postgresql://h/d?nonsense=1", null, "ConnectionStrings__shop: The database URL has the parameter 'nonsense'*")]
    [InlineData(null, "postgresql://u@h:x/d", "DATABASE_URL: The database URL's port is no number*")]
    [InlineData("Host=h;Port=abc", null, "ConnectionStrings__shop: The connection string cannot be used*")]
    [InlineData("Host=h;Nonsense=1", null, "ConnectionStrings__shop: The connection string cannot be used*")]
    public void What_no_retry_can_mend_names_its_setting(string? named, string? url, string sentence) =>
        FluentActions.Invoking(() => Configured(named, url)).Should().Throw<FormatException>().WithMessage(sentence);

    private static void Understood(string given, string expected) =>
        new NpgsqlConnectionStringBuilder(DatabaseUrl.ToConnectionString(given)).Should()
            .BeEquivalentTo(new NpgsqlConnectionStringBuilder(expected));

    private static string? Configured(string? named, string? url)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:shop", named), new("DATABASE_URL", url)]);

        builder.AddDatabaseUrl("shop");

        return builder.Configuration.GetConnectionString("shop");
    }
}
