using System.Data.Common;
using AspireCdc.Api.Analytics;
using AspireCdc.Api.Errors;
using AspireCdc.Api.InitDb;
using AspireCdc.Api.Live;
using AspireCdc.Api.OpenApi;
using AspireCdc.Api.Resources;
using AspireCdc.ServiceDefaults;
using AspireCdc.Shop;
using AspireCdc.Star.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace AspireCdc.Api;

/// <summary>The application: what it is made of, and its routes.</summary>
internal static class ShopApi
{
    /// <summary>The name of the connection string.</summary>
    public const string ConnectionName = "shop";

    /// <summary>No body of this API comes near this size.</summary>
    private const int MaxBodyBytes = 1 << 20;

    public static WebApplication Create(string[] args, Action<IServiceCollection>? configure = null)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = args, ApplicationName = typeof(ShopApi).Assembly.GetName().Name });
        builder.AddServiceDefaults();
        builder.AddShopDatabase();
        builder.Services.AddResources();
        builder.Services.AddProblems();
        builder.Services.AddApiDocument();
        builder.Services.AddAnalytics();
        builder.Services.AddLivePage(builder.Configuration);
        configure?.Invoke(builder.Services);
        builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins(builder.Configuration.ReadOrigins()).AllowAnyMethod().AllowAnyHeader()
            .WithExposedHeaders(
                "Location", "Link", "ETag", "Retry-After", CommitPosition.Header, ReadYourWrites.AppliedLsn, ReadYourWrites.Age,
                ReadYourWrites.Timing)));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = MaxBodyBytes);

        var app = builder.Build();
        app.UseForeignPageRefusal();
        app.UseHead();
        app.UseRouting(); // Here, since it would come first by itself and find no endpoint for HEAD.
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.UseCors(); // For the origins that the configuration names: in development the seed's client.
        WriteFlow.Use(app);
        app.MapDefaultEndpoints();
        app.MapApiDocument();
        app.MapLivePage();
        app.MapShop("/api");
        app.MapAnalytics();
        // The same once more for the seed's React client, which wants {success, data}.
        app.MapShop($"{Envelope.Prefix}/api").ExcludeFromDescription();
        app.MapEnvelopeHealth();
        return app;
    }

    /// <summary>HEAD is GET without the body, which the server leaves out.</summary>
    private static void UseHead(this WebApplication app) => app.Use((http, next) =>
    {
        if (HttpMethods.IsHead(http.Request.Method)) http.Request.Method = HttpMethods.Get;
        return next(http);
    });

    private static RouteGroupBuilder MapShop(this WebApplication app, string prefix)
    {
        var api = app.MapGroup(prefix);
        api.MapResource<Customer>("customers");
        api.MapResource<Product>("products");
        api.MapResource<Order>("orders");
        api.MapResource<OrderItem>("order-items");
        return api;
    }

    private static void AddShopDatabase(this WebApplicationBuilder builder)
    {
        builder.AddDatabaseUrl(ConnectionName);
        builder.Services.AddHttpContextAccessor();
        if (string.IsNullOrEmpty(builder.Configuration.GetConnectionString(ConnectionName)))
            throw new InitDbException(
                $"No database is named: set ConnectionStrings__{ConnectionName}, or " +
                "DATABASE_URL=postgresql://user:password@host:port/database.");
        // EF Core's retries would read a whole list before its first row goes out, and repeat a write whose commit went through.
        builder.AddNpgsqlDbContext<ShopContext>(ConnectionName, settings =>
        {
            settings.DisableRetry = true;
            // TablesCheck asks the same database, and says why it is not ready.
            settings.DisableHealthChecks = true;
            settings.ConnectionString = WithDefaults(settings.ConnectionString!);
        }, options =>
        {
            options.UseSnakeCaseNamingConvention().EnableThreadSafetyChecks(false)
                .AddInterceptors(new CommitPosition(new HttpContextAccessor()));
            options.UseNpgsql(npgsql => npgsql.ConfigureDataSource(source =>
            {
                StatementSpans.ApplyTo(source);
                DatabasePassword.From(builder.Configuration)?.ApplyTo(source);
            }));
        });
        builder.Services.AddOptions<CdcOptions>().BindConfiguration(CdcOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddHealthChecks().AddCheck<TablesCheck>(TablesCheck.Name);
        builder.Services.AddSingleton(services => StarFile.Read(
            services.GetRequiredService<IOptions<CdcOptions>>().Value.Model ?? Path.Combine(AppContext.BaseDirectory, StarFile.Name)));
        builder.Services.AddScoped<ShopDatabase>();
        builder.Services.TryAddSingleton(TimeProvider.System);
    }

    /// <summary>
    /// What holds unless the connection string says otherwise. The same few statements all day: PostgreSQL parses and plans them once a
    /// connection. And no request leaves anything in its session (SET, temporary tables, locks) that had to be cleared before the next
    /// one: seven statements, which cost the server more than a row by its key.
    /// </summary>
    private static string WithDefaults(string connectionString)
    {
        // Each keyword in one spelling.
        var connection =
            new DbConnectionStringBuilder { ConnectionString = new NpgsqlConnectionStringBuilder(connectionString).ConnectionString };
        if (!connection.ContainsKey("Max Auto Prepare")) connection["Max Auto Prepare"] = 64;
        if (!connection.ContainsKey("No Reset On Close")) connection["No Reset On Close"] = true;
        return connection.ConnectionString;
    }
}
