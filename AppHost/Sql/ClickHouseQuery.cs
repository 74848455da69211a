using System.Net.Http.Headers;
using System.Text;
using AspireCdc.ServiceDefaults;

namespace AspireCdc.AppHost.Sql;

/// <summary>Asks ClickHouse, by its HTTP interface.</summary>
internal static class ClickHouseQuery
{
    /// <summary>Copies the answer, in one of ClickHouse's formats, to a stream.</summary>
    /// <exception cref="AppHostException">ClickHouse refused, in its words; or a certificate cannot be read.</exception>
    public static async Task AskAsync(
        ClickHouseEndpoint server, string sql, string format, Stream output, CancellationToken cancellationToken)
    {
        using var client = new HttpClient(Handler(server)) { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(
            HttpMethod.Post, new Uri(server.Address, $"?database={Uri.EscapeDataString(server.Database)}&default_format={format}"))
        {
            Content = new StringContent(sql),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{server.Username}:{server.Password}")));
        try
        {
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
                throw new AppHostException($"ClickHouse: {FirstLine(await response.Content.ReadAsStringAsync(cancellationToken))}");
            await response.Content.CopyToAsync(output, cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            throw new AppHostException($"ClickHouse: {FirstLine(exception.Message)}", exception);
        }
    }

    private static HttpMessageHandler Handler(ClickHouseEndpoint server)
    {
        try
        {
            return server.CreateHandler();
        }
        catch (FormatException exception)
        {
            throw new AppHostException(exception.Message, exception);
        }
    }

    private static string FirstLine(string text) => text.Trim().Split('\n')[0].TrimEnd();
}
