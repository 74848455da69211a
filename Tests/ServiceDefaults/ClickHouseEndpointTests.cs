using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AspireCdc.CdcProcessor;
using AspireCdc.ServiceDefaults;
using AspireCdc.Tests.Fixtures;
using AwesomeAssertions;
using ClickHouse.Driver.ADO;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Xunit;
using ClickHouseClient = AspireCdc.CdcProcessor.ClickHouse.ClickHouseClient;

namespace AspireCdc.Tests.ServiceDefaults;

/// <summary>ClickHouse's connection strings as users have them.</summary>
public sealed class ClickHouseEndpointTests(ClickHouseServer clickhouse)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Host=localhost;Port=18123;Username=panda;Password=pandapass;Database=local", "http://localhost:18123/", "local", "panda",
        "pandapass")]
    [InlineData("host=h", "http://h:8123/", "default", "default", "")]
    [InlineData("Host=h;Protocol=HTTPS", "https://h:8443/", "default", "default", "")]
    [InlineData("Server=h;User Id=u;Pwd=p", "http://h:8123/", "default", "u", "p")]
    [InlineData("Host=::1;Port=1", "http://[::1]:1/", "default", "default", "")]
    [InlineData("Host=[2001:db8::7]", "http://[2001:db8::7]:8123/", "default", "default", "")]
    [InlineData("http://localhost:18123", "http://localhost:18123/", "default", "default", "")]
    [InlineData(
        "https://u%40x:p%3Bw@abc.clickhouse.cloud:8443/shop?compress=1", "https://abc.clickhouse.cloud:8443/", "shop", "u@x", "p;w")]
    [InlineData("https://u:p@h:443/d", "https://h/", "d", "u", "p")]
    [InlineData("http://h:80", "http://h/", "default", "default", "")]
    [InlineData("'http://[::1]/d?user=u&password=p'", "http://[::1]:8123/", "d", "u", "p")]
    public void Every_form_is_understood(string given, string address, string database, string user, string password)
    {
        var server = ClickHouseEndpoint.Parse(given);

        (server.Address.ToString(), server.Database, server.Username, server.Password).Should().Be((address, database, user, password));
        ClickHouseEndpoint.Parse(server.ToConnectionString()).Should().BeEquivalentTo(server, same => same.Excluding(it => it.Others));
        var driver = new ClickHouseConnectionStringBuilder(server.ToConnectionString());
        (driver.Host, driver.Port, driver.Protocol, driver.Database, driver.Username, driver.Password)
            .Should()
            .Be((server.Address.Host.Trim('[', ']'), (ushort)server.Address.Port, server.Address.Scheme, database, user, password));
    }

    [Theory]
    [InlineData("Port=1;Password=secret", "ConnectionStrings__clickhouse names no Host*")]
    [InlineData("Host=h;Port=abc;Password=secret", "ConnectionStrings__clickhouse has the Port 'abc'*")]
    [InlineData("Host=h;Port=70000", "ConnectionStrings__clickhouse has the Port '70000'*")]
    [InlineData("Host=a b", "ConnectionStrings__clickhouse has the Host 'a b'*")]
    [InlineData("clickhouse://u:secret@h:9000/d",
        "ConnectionStrings__clickhouse says clickhouse, and ClickHouse is spoken to by http or https here*")]
    [InlineData("http://", "ConnectionStrings__clickhouse is no URL*")]
    [InlineData("nonsense", "ConnectionStrings__clickhouse is no connection string*")]
    [InlineData("Host=h;Protocol=https;Root Certificate=/nowhere.pem;Password=secret",
        "ConnectionStrings__clickhouse Root Certificate=/nowhere.pem cannot be read as PEM*")]
    public void What_no_retry_can_mend_ends_the_start_with_a_sentence(string given, string sentence) =>
        FluentActions.Invoking(() =>
            CdcProcessorApp.Create([$"--ConnectionStrings:shop=Host=h;Username=u", $"--ConnectionStrings:clickhouse={given}"]))
            .Should().Throw<FormatException>().WithMessage(sentence).Which.ToString().Should().NotContain("secret");

    [Fact]
    public async Task Own_authorities_and_certificates_are_used()
    {
        using var folder = new TemporaryFolder();
        using var root = Root("root");
        using var other = Root("other");
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "root.pem"), root.ExportCertificatePem(), Cancellation);
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "other.pem"), other.ExportCertificatePem(), Cancellation);
        using var client = Issue(root, "client");
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "client.pem"), client.ExportCertificatePem(), Cancellation);
        await File.WriteAllTextAsync(
            Path.Combine(folder.Path, "client.key"), client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), Cancellation);
        var database = await clickhouse.CreateDatabaseAsync(Cancellation);
        await using var gate = await TlsGateAsync(Issue(root, "localhost"), database.Address);
        var given =
            $"https://{TestClickHouse.Username}:{TestClickHouse.Password}@localhost:{new Uri(gate.Urls.Single()).Port}/{database.Name}?";

        using (var good =
            new ClickHouseClient(
                $"{given}Root Certificate={Path.Combine(folder.Path, "root.pem")}&Client " +
                $"Certificate={Path.Combine(folder.Path, "client.pem")}&Client Key={Path.Combine(folder.Path, "client.key")}"))
            (await good.ScalarAsync("SELECT currentDatabase()", Cancellation)).Should().Be(database.Name);
        using (var bare = new ClickHouseClient($"{given}Root Certificate={Path.Combine(folder.Path, "root.pem")}"))
            await FluentActions.Awaiting(() => bare.ScalarAsync("SELECT 1", Cancellation)).Should().ThrowAsync<HttpRequestException>();
        using (var stranger =
            new ClickHouseClient(
                $"{given}Root Certificate={Path.Combine(folder.Path, "other.pem")}&Client " +
                $"Certificate={Path.Combine(folder.Path, "client.pem")}&Client Key={Path.Combine(folder.Path, "client.key")}"))
            await FluentActions.Awaiting(() => stranger.ScalarAsync("SELECT 1", Cancellation)).Should().ThrowAsync<HttpRequestException>()
                .WithInnerException<HttpRequestException, AuthenticationException>();
    }

    /// <summary>TLS before the server, which wants its client's certificate.</summary>
    private static async Task<WebApplication> TlsGateAsync(X509Certificate2 certificate, Uri server)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate, https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.ClientCertificateValidation = (_, _, _) => true;
        })));
        var gate = builder.Build();
        var http = new HttpClient { BaseAddress = server };
        gate.Run(async context =>
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Post, context.Request.QueryString.Value)
            { Content = new StreamContent(context.Request.Body) };
            request.Headers.TryAddWithoutValidation("Authorization", context.Request.Headers.Authorization.ToString());
            using var answer = await http.SendAsync(request, context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode;
            await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        });
        await gate.StartAsync(Cancellation);
        return gate;
    }

    private static X509Certificate2 Root(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static X509Certificate2 Issue(X509Certificate2 root, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var certificate =
            request.Create(root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddHours(20), RandomNumberGenerator.GetBytes(8));
        using var pair = certificate.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable);
    }
}
