using AspireCdc.EmbeddedClickHouse.Engine;

namespace AspireCdc.EmbeddedClickHouse.Sessions;

/// <summary>
/// The sessions that clients name by <c>session_id</c>. Each pins a connection, and with it SET, USE and temporary tables, until nobody has
/// asked for it during its timeout.
/// </summary>
internal sealed class SessionStore(ChdbEngine engine, TimeProvider time) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Session> _sessions = [];
    private bool _disposed;

    /// <summary>Takes the session for one request; a second one meanwhile is refused.</summary>
    public SessionLease Acquire(string id, TimeSpan timeout, bool mustExist, bool close)
    {
        lock (_lock)
        {
            if (!_sessions.TryGetValue(id, out var session))
            {
                if (mustExist)
                    throw ClickHouseException.Raise(ErrorCode.SessionNotFound, "SESSION_NOT_FOUND", $"Session {id} not found");
                session = new Session(engine.OpenSession());
                _sessions.Add(id, session);
            }

            if (session.Locked)
                throw ClickHouseException.Raise(
                    ErrorCode.SessionIsLocked, "SESSION_IS_LOCKED", $"Session {id} is locked by a concurrent client");
            session.Locked = true;
            session.Expiry?.Dispose();
            session.Expiry = null;
            return new SessionLease(session.Connection, () => Release(id, session, timeout, close));
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var session in _sessions.Values)
            {
                session.Expiry?.Dispose();
                if (!session.Locked)
                    session.Connection.Dispose(); // that of a locked one when its request ends
            }

            _sessions.Clear();
            _disposed = true;
        }
    }

    private void Release(string id, Session session, TimeSpan timeout, bool close)
    {
        lock (_lock)
        {
            session.Locked = false;
            if (_disposed || close)
            {
                _sessions.Remove(id);
                session.Connection.Dispose();
                return;
            }

            ITimer? expiry = null;
            expiry = time.CreateTimer(_ => Expire(id, session, expiry), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            session.Expiry = expiry;
            expiry.Change(timeout, Timeout.InfiniteTimeSpan);
        }
    }

    private void Expire(string id, Session session, ITimer? expiry)
    {
        lock (_lock)
        {
            // A request may have taken the session just before the lock.
            if (session.Expiry != expiry)
                return;
            _sessions.Remove(id);
            session.Expiry?.Dispose();
            session.Connection.Dispose();
        }
    }

    private sealed class Session(ChdbConnection connection)
    {
        public ChdbConnection Connection => connection;

        public bool Locked { get; set; }

        /// <summary>Runs while nobody uses the session.</summary>
        public ITimer? Expiry { get; set; }
    }
}

/// <summary>A session for one request.</summary>
internal sealed class SessionLease(ChdbConnection connection, Action release) : IDisposable
{
    public ChdbConnection Connection => connection;

    public void Dispose() => release();
}
