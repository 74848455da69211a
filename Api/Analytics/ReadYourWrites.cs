using System.Globalization;
using AspireCdc.Api.Errors;
using NpgsqlTypes;

namespace AspireCdc.Api.Analytics;

/// <summary>
/// For endpoints that read ClickHouse: waits for the position that a request names, and says which one its answer has at least, and how old
/// that is.
/// </summary>
internal sealed class ReadYourWrites(AppliedPosition position, TimeProvider time) : IEndpointFilter
{
    public const string MinLsn = "X-Min-Lsn", AppliedLsn = "X-Applied-Lsn", Age = "X-Applied-Age", Timing = "Server-Timing";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var began = time.GetTimestamp();
        // Before the rows are read, so that they are as new as what is said of them.
        var applied = http.Request.Headers[MinLsn] is [{ } asked, ..]
            ? await position.WaitAsync(Parse(asked), http.RequestAborted)
            : await position.ReadAsync(http.RequestAborted);
        var waited = time.GetElapsedTime(began);
        if (applied.Lsn != NpgsqlLogSequenceNumber.Invalid)
            http.Response.Headers[AppliedLsn] = $"{applied.Lsn}";
        if (applied.Age is { } age)
            http.Response.Headers[Age] = Math.Max(0, age).ToString("0.000", CultureInfo.InvariantCulture);
        http.Response.Headers.Append(Timing, $"position;dur={Milliseconds(waited)}");
        return await next(context);
    }

    /// <summary>Says how long a query took and how many rows it read.</summary>
    public static void AddTiming<T>(HttpResponse response, QueryAnswer<T> answer) =>
        response.Headers.Append(Timing, $"clickhouse;dur={Milliseconds(answer.Took)};desc=\"{answer.RowsRead} rows read\"");

    private static string Milliseconds(TimeSpan time) => time.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture);

    private static NpgsqlLogSequenceNumber Parse(string text) =>
        text.Split('/') is [{ Length: <= 8 }, { Length: <= 8 }] && NpgsqlLogSequenceNumber.TryParse(text, out var lsn)
            ? lsn
            : throw ProblemException.Invalid(MinLsn, "must be a position such as 0/1A2B3C4, as X-Commit-Lsn has it");
}
