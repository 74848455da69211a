namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>
/// Which query runs on which connection. The engine gives its queries ids of its own; clients find theirs by what stands here. An id
/// belongs to one
/// running query.
/// </summary>
internal sealed class RunningQueries
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, RunningQuery> _queries = [];

    /// <summary>The query until it is disposed of. <paramref name="replace"/> stops one that has the id already, and waits for its
    /// end.</summary>
    public async Task<RunningQuery> BeginAsync(string id, Func<RunningQuery, Task>? replace, CancellationToken cancellation)
    {
        while (true)
        {
            RunningQuery? other;
            lock (_lock)
            {
                if (!_queries.TryGetValue(id, out other))
                {
                    var query = new RunningQuery(id, Remove);
                    _queries.Add(id, query);
                    return query;
                }
            }

            if (replace is null)
                throw ClickHouseException.Raise(ErrorCode.QueryWithSameIdIsAlreadyRunning, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                    $"Query with id = {id} is already running.");
            await replace(other);
            await other.Ended.WaitAsync(cancellation);
        }
    }

    /// <summary>The ids of connections and of their queries.</summary>
    public IReadOnlyList<(string Connection, string Query)> List()
    {
        lock (_lock)
            return [.. _queries.Values.Where(query => query.Connection is not null).Select(query => (query.Connection!, query.Id))];
    }

    private void Remove(RunningQuery query)
    {
        lock (_lock)
            _queries.Remove(query.Id);
    }
}

/// <summary>A query that a client named.</summary>
internal sealed class RunningQuery(string id, Action<RunningQuery> remove) : IDisposable
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Id => id;

    /// <summary>The id of the connection that it runs on; null before it has one.</summary>
    public string? Connection { get; set; }

    public Task Ended => _ended.Task;

    public void Dispose()
    {
        remove(this);
        _ended.TrySetResult();
    }
}
