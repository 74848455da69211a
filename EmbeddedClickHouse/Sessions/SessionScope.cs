using AspireCdc.EmbeddedClickHouse.Engine;
using AspireCdc.EmbeddedClickHouse.Http;
using AspireCdc.EmbeddedClickHouse.Sql;

namespace AspireCdc.EmbeddedClickHouse.Sessions;

/// <summary>A request's settings and database hold for that request only; in a session they are put back after it.</summary>
internal sealed class SessionScope : IDisposable
{
    private readonly ChdbConnection _connection;
    private readonly List<string> _undo = [];

    private SessionScope(ChdbConnection connection) => _connection = connection;

    public static Task<SessionScope> EnterAsync(
        ChdbEngine engine, ChdbConnection connection, QueryRequest request, CancellationToken cancellation) =>
        engine.RunAsync(connection, () => Enter(connection, request), cancellation);

    public void DropAfterwards(IEnumerable<string> tables) =>
        _undo.AddRange(tables.Select(table => $"DROP TEMPORARY TABLE IF EXISTS {table}"));

    public void Dispose()
    {
        foreach (var statement in _undo)
            _connection.Query(statement);
    }

    private static SessionScope Enter(ChdbConnection connection, QueryRequest request)
    {
        if (request.Settings.Exists(setting => setting.Name == "readonly"))
        {
            throw ClickHouseException.Raise(
                ErrorCode.NotImplemented, "NOT_IMPLEMENTED",
                "The parameter readonly cannot be used with session_id: use SET readonly in the session");
        }

        var scope = new SessionScope(connection);
        try
        {
            if (request.Database is { } database)
                scope.Use(database);
            if (request.Settings.Count > 0)
                scope.Set(request.Settings);
            return scope;
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    private void Use(string database)
    {
        var before = _connection.Query("SELECT currentDatabase()").TrimEnd('\n');
        _connection.Query($"USE {SqlText.QuoteIdentifier(database)}");
        _undo.Add($"USE {SqlText.QuoteIdentifier(before)}");
    }

    private void Set(List<Setting> settings)
    {
        var before = settings
            .Select(setting =>
                setting with
                {
                    Value = _connection.Query(
                    $"SELECT value FROM system.settings WHERE name = {SqlText.QuoteString(setting.Name)}").TrimEnd('\n')
                })
            .ToList();
        _connection.Query(Setting.SetStatement(settings));
        _undo.Add(Setting.SetStatement(before));
    }
}
