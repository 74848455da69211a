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

    /// <summary>
    /// The query until it is disposed of or <paramref name="cancellation"/> stops it. With <paramref name="replace"/> one that has the id
    /// already is stopped, however far it is, and its end waited for.
    /// </summary>
    public async Task<RunningQuery> BeginAsync(string id, bool replace, CancellationToken cancellation)
    {
        while (true)
        {
            RunningQuery? other;
            lock (_lock)
            {
                if (!_queries.TryGetValue(id, out other))
                {
                    var query = new RunningQuery(id, Remove, cancellation);
                    _queries.Add(id, query);
                    return query;
                }
            }

            if (!replace)
                throw ClickHouseException.Raise(ErrorCode.QueryWithSameIdIsAlreadyRunning, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                    $"Query with id = {id} is already running.");
            other.Replace();
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
internal sealed class RunningQuery(string id, Action<RunningQuery> remove, CancellationToken cancellation) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);

    public string Id => id;

    /// <summary>The id of the connection that it runs on; null before it has one.</summary>
    public string? Connection { get; set; }

    /// <summary>Asks it to end: its client has gone, or another query takes its place.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Another query takes its place.</summary>
    public bool IsReplaced { get; private set; }

    public Task Ended => _ended.Task;

    /// <summary>Stops it for another one, unless it has ended.</summary>
    public void Replace()
    {
        lock (_lock)
        {
            if (_ended.Task.IsCompleted)
                return;
            IsReplaced = true;
            _ = _stop.CancelAsync(); // what it calls may take the lock
        }
    }

    public void Dispose()
    {
        remove(this);
        lock (_lock)
        {
            _ended.TrySetResult();
            _stop.Dispose();
        }
    }
}
