namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>Connections that wait for their next request; beyond a small number, those that have waited longest are closed.</summary>
internal sealed class IdleConnections
{
    private const int Capacity = 32;

    private readonly Lock _lock = new();
    private readonly List<(string Key, ChdbConnection Connection)> _connections = [];

    public ChdbConnection? Take(string key)
    {
        lock (_lock)
        {
            var found = _connections.FindLastIndex(idle => idle.Key == key);
            if (found < 0)
                return null;
            var connection = _connections[found].Connection;
            _connections.RemoveAt(found);
            return connection;
        }
    }

    public void Put(string key, ChdbConnection connection)
    {
        ChdbConnection? oldest = null;
        lock (_lock)
        {
            _connections.Add((key, connection));
            if (_connections.Count > Capacity)
            {
                oldest = _connections[0].Connection;
                _connections.RemoveAt(0);
            }
        }

        oldest?.Dispose();
    }

    /// <summary>Closes all.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach (var (_, connection) in _connections)
                connection.Dispose();
            _connections.Clear();
        }
    }
}
