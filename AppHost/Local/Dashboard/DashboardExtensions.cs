namespace AspireCdc.AppHost.Local.Dashboard;

internal static class DashboardExtensions
{
    public static void AddDashboard(this IDistributedApplicationBuilder builder) => _ = builder;
}
