namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>
/// Stops the queries of connections whose clients have gone. However many go at once, one statement stops them all; a query that had not
/// begun when it ran is asked again, more and more seldom.
/// </summary>
internal sealed partial class QueryKiller(Action<IReadOnlyCollection<string>> kill, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly List<Order> _orders = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _running;

    /// <summary>
    /// Stops the connection's query; completes when the engine has been told, or the query has <paramref name="ended"/>. The order ends
    /// with its query: a session's connection has other queries after this one.
    /// </summary>
    public Task KillAsync(string connection, Task ended)
    {
        if (ended.IsCompleted)
            return Task.CompletedTask;
        var order = new Order(connection, ended);
        lock (_lock)
        {
            _orders.Add(order);
            _changed.TrySetResult();
            if (!_running)
            {
                _running = true;
                _ = Task.Run(RunAsync);
            }
        }

        return Task.WhenAny(order.Told.Task, ended);
    }

    private async Task RunAsync()
    {
        while (true)
        {
            Task changed;
            List<Order> due;
            var pause = LongestPause;
            lock (_lock)
            {
                _orders.RemoveAll(order => order.Ended.IsCompleted);
                if (_orders.Count == 0)
                {
                    _running = false;
                    return;
                }

                if (_changed.Task.IsCompleted)
                    _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                changed = _changed.Task;
                // Asked once: time goes on, and a pause that is over by the second look cannot be waited for.
                var waits = _orders.ConvertAll(order => order.Wait(time));
                due = [.. _orders.Where((_, i) => waits[i] <= TimeSpan.Zero)];
                if (due.Count == 0)
                    pause = waits.Min();
            }

            if (due.Count == 0)
            {
                using var waited = new CancellationTokenSource();
                await Task.WhenAny(changed, Task.Delay(pause, time, waited.Token));
                await waited.CancelAsync();
                continue;
            }

            try
            {
                kill([.. due.Select(order => order.Connection).Distinct()]);
                LogKilled(due.Count);
            }
            catch (ClickHouseException e)
            {
                LogNotKilled(due.Count, e.Message);
            }

            due.ForEach(order => order.Postpone(time));
        }
    }

    [LoggerMessage(4, LogLevel.Debug, "Asked the engine to stop {Queries} queries whose clients have gone")]
    private partial void LogKilled(int queries);

    [LoggerMessage(5, LogLevel.Warning, "The engine did not take the order to stop {Queries} queries whose clients have gone: {Error}")]
    private partial void LogNotKilled(int queries, string error);

    private sealed class Order(string connection, Task ended)
    {
        private TimeSpan _pause;
        private long _since;

        public string Connection => connection;

        public Task Ended => ended;

        public TaskCompletionSource Told { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TimeSpan Wait(TimeProvider time) => _pause == TimeSpan.Zero ? TimeSpan.Zero : _pause - time.GetElapsedTime(_since);

        public void Postpone(TimeProvider time)
        {
            _since = time.GetTimestamp();
            _pause = _pause == TimeSpan.Zero ? FirstPause : _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
            Told.TrySetResult();
        }
    }
}
