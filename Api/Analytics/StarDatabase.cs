using System.Data.Common;
using AspireCdc.Api.Errors;
using AspireCdc.ServiceDefaults;
using ClickHouse.Driver;
using ClickHouse.Driver.ADO;
using ClickHouse.Driver.Utility;

namespace AspireCdc.Api.Analytics;

/// <summary>Asks ClickHouse, as <c>ConnectionStrings__clickhouse</c> names it.</summary>
internal sealed class StarDatabase(IConfiguration configuration) : IDisposable
{
    private const int UnknownTable = 60, UnknownDatabase = 81;

    /// <summary>The longest that one question may take: the driver has no limit of its own, and a server may hang.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lazy<(ClickHouseEndpoint Endpoint, HttpClient Http)?> _server = new(() =>
    {
        if (configuration.GetConnectionString("clickhouse") is not { Length: > 0 } connectionString)
            return null;
        var endpoint = ClickHouseEndpoint.Parse(connectionString);
        return (endpoint, new HttpClient(endpoint.CreateHandler()) { Timeout = Timeout.InfiniteTimeSpan });
    });

    /// <summary>Closes the connections.</summary>
    public void Dispose()
    {
        if (_server.IsValueCreated)
            _server.Value?.Http.Dispose();
    }

    /// <summary>Reads a query's rows.</summary>
    /// <param name="sql">The query, with <c>{name:Type}</c> for parameters.</param>
    /// <param name="parameters">Their values.</param>
    /// <param name="toRow">Makes a row.</param>
    /// <param name="cancellationToken">Ends the query, in the server as well.</param>
    /// <exception cref="ProblemException">503: ClickHouse is not there, or has no star.</exception>
    public async Task<QueryAnswer<T>> ReadAsync<T>(
        string sql, IReadOnlyCollection<(string Name, object Value)> parameters, Func<DbDataReader, T> toRow,
        CancellationToken cancellationToken)
    {
        if (_server.Value is not var (endpoint, http))
            throw Away("No ClickHouse is named: set ConnectionStrings__clickhouse.");
        using var activity = ClickHouseActivity.Start(endpoint, sql);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            await using var connection = new ClickHouseConnection(endpoint.ToConnectionString(), http);
            await using var command = connection.CreateCommand(sql);
            foreach (var (name, value) in parameters)
                command.AddParameter(name, value);
            await using var reader = await command.ExecuteReaderAsync(limit.Token);
            var rows = new List<T>();
            while (await reader.ReadAsync(limit.Token))
                rows.Add(toRow(reader));
            var statistics = command.QueryStats;
            return new QueryAnswer<T>(rows, TimeSpan.FromMicroseconds((statistics?.ElapsedNs ?? 0) / 1000), statistics?.ReadRows ?? 0);
        }
        catch (ClickHouseServerException e) when (e.ErrorCode is UnknownTable or UnknownDatabase)
        {
            activity.Fail($"{e.ErrorCode}");
            throw Away("ClickHouse has no star yet: run ClickHouseMigrator.");
        }
        catch (ClickHouseServerException e)
        {
            activity.Fail($"{e.ErrorCode}");
            throw Away($"ClickHouse refuses the question (error {e.ErrorCode}); the log says why.", e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            activity.Fail(e.GetType().FullName!);
            throw Away($"ClickHouse has not answered within {Patience.TotalSeconds:0} s.", e);
        }
        catch (Exception e) when (e is DbException or HttpRequestException or IOException)
        {
            activity.Fail(e.GetType().FullName!);
            throw Away("ClickHouse does not answer.", e);
        }
    }

    private static ProblemException Away(string sentence, Exception? cause = null) =>
        new(StatusCodes.Status503ServiceUnavailable, sentence, cause);
}

/// <summary>What a query gave.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="Took">The time that ClickHouse took for it.</param>
/// <param name="RowsRead">How many rows ClickHouse read for it.</param>
internal sealed record QueryAnswer<T>(IReadOnlyList<T> Rows, TimeSpan Took, long RowsRead);
