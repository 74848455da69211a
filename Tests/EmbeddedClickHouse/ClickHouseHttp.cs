using System.Net.Http.Headers;
using System.Text;
using AspireCdc.Tests.Fixtures;

namespace AspireCdc.Tests.EmbeddedClickHouse;

/// <summary>A bare HTTP client of ClickHouse's, which shows what goes over the wire.</summary>
internal sealed class ClickHouseHttp(TestClickHouse database) : IDisposable
{
    public HttpClient Client { get; } = new() { BaseAddress = database.Address, Timeout = TimeSpan.FromMinutes(5) };

    /// <summary>Posts <paramref name="sql"/> as the served user; <paramref name="parameters"/> go into the URL.</summary>
    public Task<HttpResponseMessage> PostAsync(string sql, string parameters = "") => PostAsync(new StringContent(sql), parameters);

    public Task<HttpResponseMessage> PostAsync(HttpContent body, string parameters = "", CancellationToken cancellation = default)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Url(parameters)) { Content = body };
        request.Headers.Authorization = Login;
        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    public Task<HttpResponseMessage> GetAsync(string parameters)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, Url(parameters)) { Headers = { Authorization = Login } };
        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>The answer of a query that must succeed.</summary>
    public async Task<string> QueryAsync(string sql, string parameters = "")
    {
        using var response = await PostAsync(sql, parameters);
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode ? text : throw new InvalidOperationException(text);
    }

    public void Dispose() => Client.Dispose();

    private static AuthenticationHeaderValue Login =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestClickHouse.Username}:{TestClickHouse.Password}")));

    private string Url(string parameters) => $"/?database={database.Name}{(parameters.Length > 0 ? "&" + parameters : "")}";
}
