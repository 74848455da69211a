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
    private readonly Dictionary<string, Order> _orders = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _running;

    /// <summary>Completes when the engine has been told.</summary>
    public Task KillAsync(string connection)
    {
        lock (_lock)
        {
            if (!_orders.TryGetValue(connection, out var order))
                _orders.Add(connection, order = new Order());
            _changed.TrySetResult();
            if (!_running)
            {
                _running = true;
                _ = Task.Run(RunAsync);
            }

            return order.Told.Task;
        }
    }

    /// <summary>The connection's query has ended.</summary>
    public void Forget(string connection)
    {
        lock (_lock)
        {
            if (_orders.Remove(connection, out var order))
                order.Told.TrySetResult();
            _changed.TrySetResult();
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            Task changed;
            List<KeyValuePair<string, Order>> due;
            var pause = LongestPause;
            lock (_lock)
            {
                if (_orders.Count == 0)
                {
                    _running = false;
                    return;
                }

                if (_changed.Task.IsCompleted)
                    _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                changed = _changed.Task;
                // Asked once: time goes on, and a pause that is over by the second look cannot be waited for.
                var waits = _orders.ToDictionary(order => order.Key, order => order.Value.Wait(time));
                due = [.. _orders.Where(order => waits[order.Key] <= TimeSpan.Zero)];
                if (due.Count == 0)
                    pause = waits.Values.Min();
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
                kill([.. due.Select(order => order.Key)]);
                LogKilled(due.Count);
            }
            catch (ClickHouseException e)
            {
                LogNotKilled(due.Count, e.Message);
            }

            foreach (var (_, order) in due)
                order.Postpone(time);
        }
    }

    [LoggerMessage(4, LogLevel.Debug, "Asked the engine to stop {Queries} queries whose clients have gone")]
    private partial void LogKilled(int queries);

    [LoggerMessage(5, LogLevel.Warning, "The engine did not take the order to stop {Queries} queries whose clients have gone: {Error}")]
    private partial void LogNotKilled(int queries, string error);

    private sealed class Order
    {
        private TimeSpan _pause;
        private long _since;

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
