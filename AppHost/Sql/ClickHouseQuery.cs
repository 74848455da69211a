using System.Net.Http.Headers;
using System.Text;

namespace AspireCdc.AppHost.Sql;

/// <summary>Asks ClickHouse, by its HTTP interface.</summary>
internal static class ClickHouseQuery
{
    /// <summary>Copies the answer, in one of ClickHouse's formats, to a stream.</summary>
    /// <exception cref="AppHostException">ClickHouse refused, in its words.</exception>
    public static async Task AskAsync(
        string connectionString, string sql, string format, Stream output, CancellationToken cancellationToken)
    {
        var settings = connectionString.Split(';', StringSplitOptions.RemoveEmptyEntries)
            .Select(part => part.Split('=', 2))
            .ToDictionary(part => part[0], part => part[1], StringComparer.OrdinalIgnoreCase);
        using var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(
            HttpMethod.Post,
            $"http://{settings["Host"]}:{settings["Port"]}/?database={Uri.EscapeDataString(settings["Database"])}&default_format={format}")
        {
            Content = new StringContent(sql),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{settings["Username"]}:{settings["Password"]}")));
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

    private static string FirstLine(string text) => text.Trim().Split('\n')[0].TrimEnd();
}
