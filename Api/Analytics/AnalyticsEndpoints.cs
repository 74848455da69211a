using System.ComponentModel;
using Microsoft.AspNetCore.Http.HttpResults;

namespace AspireCdc.Api.Analytics;

/// <summary>What PostgreSQL should not be asked, answered by ClickHouse: <c>/api/analytics</c>.</summary>
internal static class AnalyticsEndpoints
{
    private const string FromText =
        "No order before this day or time: 2026-01-31, or 2026-01-31T12:00:00Z. "
        + "Without it from the first order on; by minute, from an hour before the end on.";
    private const string ToText = "Only orders before this day or time. Without it up to the last order; by minute, up to now.";
    private const string LimitText = "The most rows that are answered.";

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    public static void AddAnalytics(this IServiceCollection services)
    {
        services.AddSingleton<StarDatabase>();
        services.AddSingleton<SalesReader>();
        services.AddSingleton<AppliedPosition>();
    }

    public static void MapAnalytics(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/analytics").WithTags("analytics").AddEndpointFilter<ReadYourWrites>();
        Map<DayRevenue>(group, "revenue-by-day", "revenueByDay", "Revenue by day, the newest first", sales => sales.ByDayAsync);
        Map<MinuteRevenue>(group, "revenue-by-minute", "revenueByMinute", "Revenue by minute, the newest first",
            sales => sales.ByMinuteAsync, Hour);
        Map<CountryRevenue>(group, "revenue-by-country", "revenueByCountry", "Revenue by the customers' country, the largest first",
            sales => sales.ByCountryAsync);
        Map<CategoryRevenue>(group, "revenue-by-category", "revenueByCategory", "Revenue by the products' category, the largest first",
            sales => sales.ByCategoryAsync);
        Map<StatusOrders>(group, "orders-by-status", "ordersByStatus", "How many orders are how far, the most frequent first",
            sales => sales.ByStatusAsync);
        Map<CustomerOrders>(group, "top-customers", "topCustomers", "The customers that ordered for most",
            sales => sales.TopCustomersAsync);
        Map<ProductRevenue>(group, "top-products", "topProducts", "The products that brought most", sales => sales.TopProductsAsync);
        Describe(group.MapGet("average-order-value", AverageAsync), "averageOrderValue", "What an order is worth");
    }

    /// <summary>A question that has rows for an answer.</summary>
    private static void Map<T>(
        RouteGroupBuilder group, string path, string operation, string summary,
        Func<SalesReader, Func<Selection, CancellationToken, Task<QueryAnswer<T>>>> question, TimeSpan? span = null) => Describe(
        group.MapGet(path, async Task<Ok<IReadOnlyList<T>>> (
            HttpResponse response, SalesReader sales, TimeProvider time,
            [Description(FromText)] string? from, [Description(ToText)] string? to, [Description(LimitText)] string? limit,
            CancellationToken cancellationToken) =>
        {
            var answer = await question(sales)(Selection.Parse(from, to, limit, time, span), cancellationToken);
            ReadYourWrites.AddTiming(response, answer);
            return TypedResults.Ok(answer.Rows);
        }),
        operation, summary);

    private static async Task<Ok<OrderValue>> AverageAsync(
        HttpResponse response, SalesReader sales, TimeProvider time,
        [Description(FromText)] string? from, [Description(ToText)] string? to, CancellationToken cancellationToken)
    {
        var answer = await sales.AverageAsync(Selection.Parse(from, to, limit: null, time), cancellationToken);
        ReadYourWrites.AddTiming(response, answer);
        return TypedResults.Ok(answer.Rows[0]);
    }

    private static void Describe(RouteHandlerBuilder endpoint, string operation, string summary) => endpoint
        .WithName(operation).WithSummary(summary)
        .ProducesValidationProblem(StatusCodes.Status422UnprocessableEntity)
        .ProducesProblem(StatusCodes.Status500InternalServerError)
        .ProducesProblem(StatusCodes.Status501NotImplemented)
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
        .ProducesProblem(StatusCodes.Status504GatewayTimeout);
}
