using System.Text;
using AspireCdc.EmbeddedClickHouse.Engine;

namespace AspireCdc.EmbeddedClickHouse.Sql;

/// <summary>
/// What the server sees to in a statement because the engine does not: the ids of queries, and what reaches out of the server although
/// its user has no
/// right to (scalar <c>file()</c>, sources of dictionaries, which may be programs).
/// </summary>
internal ref struct Inspection
{
    private static readonly HashSet<string> AfterTable = new(StringComparer.OrdinalIgnoreCase)
    {
        "WHERE", "PREWHERE", "GROUP", "ORDER", "LIMIT", "SETTINGS", "FORMAT", "UNION", "EXCEPT", "INTERSECT", "HAVING", "JOIN", "INNER",
            "LEFT", "RIGHT",
        "FULL", "CROSS", "ANY", "ALL", "ASOF", "GLOBAL", "ARRAY", "FINAL", "SAMPLE", "ON", "USING", "QUALIFY", "WINDOW", "OFFSET", "FETCH",
            "INTO", "SEMI",
        "ANTI", "PASTE",
    };

    private readonly ReadOnlySpan<byte> _text;
    private readonly Statement _statement;
    private readonly string _userFiles;
    private readonly List<Edit> _edits = [];
    private SqlToken _beforePrevious;
    private SqlToken _previous;
    private SqlToken _token;
    private SqlTokenizer _tokens;

    private Inspection(ReadOnlySpan<byte> text, Statement statement, string userFiles)
    {
        _text = text;
        _statement = statement;
        _userFiles = userFiles;
        _tokens = new SqlTokenizer(text);
    }

    /// <summary>
    /// Returns what to change in <paramref name="text"/>, which is the statement without data that follow it, and whether it reads or
    /// writes files of <paramref name="userFiles"/>, and whether it inserts anything, wherever that stands in it. Throws for what is not
    /// allowed.
    /// </summary>
    public static (List<Edit> Edits, bool UsesFiles, bool Inserts) Of(
        ReadOnlySpan<byte> text, Statement statement, string userFiles, string queryId,
        IReadOnlyList<(string Connection, string Query)> running)
    {
        var inspection = new Inspection(text, statement, userFiles);
        return inspection.Run(queryId, running);
    }

    private (List<Edit> Edits, bool UsesFiles, bool Inserts) Run(
        string queryId, IReadOnlyList<(string Connection, string Query)> running)
    {
        var usesFiles = false;
        var inserts = false;
        var dictionary = false;
        var stored = false;
        var settings = false;
        string? source = null;
        for (_token = _tokens.Next(); _token.Kind != SqlTokenKind.End;
            _beforePrevious = _previous, _previous = _token, _token = _tokens.Next())
        {
            if (_token.Kind == SqlTokenKind.QuotedName || (_token.Kind == SqlTokenKind.String && IsTable()))
                CheckName(EngineNames.Unquoted(Text(_token)));
            if (stored && _token.Kind == SqlTokenKind.String)
                HiddenSql.CheckQuery(HiddenSql.Unquoted(Text(_token)));
            if (_token.Kind is not (SqlTokenKind.Word or SqlTokenKind.QuotedName))
                continue;

            var name = _token.Kind == SqlTokenKind.QuotedName ? EngineNames.Unquoted(Text(_token)) : Text(_token);
            inserts |= Same(name, "INSERT");
            stored |= Same(name, "DICTIONARY") || Same(name, "COLLECTION");
            settings |= Same(name, "SET") || Same(name, "SETTINGS");
            if (settings && ServerSettings.Contains(name))
                throw ServerSettings.Refusal(name);
            if (StructureIndex(name) is { } structure && Opens(_tokens))
                CheckStructure(name, structure);
            if (Same(name, "file") && Opens(_tokens))
            {
                ConfineFile();
                usesFiles = true;
            }
            else if (Same(name, "file") && IsApplied())
                throw Denied($"file() is available for files in {_userFiles} only, and wants the name as a string");
            else if ((Same(name, "filesystem") || Same(name, "fileCluster")) && Opens(_tokens))
                throw Denied($"{name}() is not available here; file() reads and writes in {_userFiles}");
            else if (Same(name, "disk") && Opens(_tokens))
                throw Denied("disk() is not available here: tables are kept in the server's own folder");
            else if (Same(name, "DICTIONARY"))
                dictionary = true;
            else if (Same(name, "SOURCE") && Opens(_tokens))
                source ??= ForeignSource();
            else if (Same(name, "HOST") && Ahead(1) is { Kind: SqlTokenKind.String } host && !IsLoopback(Text(host)))
                source ??= "another host";
            else if (Same(name, "SET") && IsRole())
                throw ClickHouseException.Raise(ErrorCode.UnknownRole, "UNKNOWN_ROLE", "There are no roles here");
            else if (name is "queryID" or "query_id" or "initialQueryID" or "initial_query_id" && IsCall())
                _edits.Add(new(_token.Start..Ahead(2).End, SqlText.QuoteString(queryId)));
            else if (_statement.Keyword == "KILL" && name is "query_id" or "initial_query_id")
                _edits.Add(new(_token.Start.._token.End, ClientId(name, running)));
            else if (_statement.Kind == StatementKind.Select && name == "system" && IsProcesses(out var end))
                _edits.Add(new(_token.Start..end.End, Processes(running, end)));
        }

        if (dictionary && source is not null)
            throw Denied($"a dictionary from {source} is not available here: its source can only be CLICKHOUSE, a table of this server");
        return (_edits, usesFiles, inserts);
    }

    /// <summary>The database <c>default</c> has a table for each file, named by its path.</summary>
    internal static void CheckName(string name)
    {
        if (name.Contains("..", StringComparison.Ordinal) || name.StartsWith('/'))
            throw Denied($"the name {name} would be a file's");
    }

    private void ConfineFile()
    {
        var argument = Ahead(2);
        if (argument.Kind != SqlTokenKind.String || _text[argument.Start] != '\'' || Ahead(3) is not { Kind: SqlTokenKind.Symbol } next
            || _text[next.Start] is not ((byte)',' or (byte)')'))
            throw Denied($"file() is available for files in {_userFiles} only, and wants the name as a string");
        var path = Text(argument)[1..^1];
        if (path.StartsWith(_userFiles, StringComparison.Ordinal))
            path = path[_userFiles.Length..];
        // The engine puts one of its braces' words in their place, or a partition's key, once all has been looked at.
        var fixedPart = EngineNames.Braces.Replace(path, "");
        if (path.StartsWith('/') || path.Contains("..", StringComparison.Ordinal) || fixedPart.Contains("..", StringComparison.Ordinal)
            || fixedPart.AsSpan().ContainsAny("\\'|{}"))
            throw Denied($"file() is available for files in {_userFiles} only, not for {Text(argument)}");
        _edits.Add(new(argument.Start..argument.End, SqlText.QuoteString(_userFiles + path)));
    }

    /// <summary>Which argument of a table function has its columns, whose defaults are SQL to the engine.</summary>
    private readonly int? StructureIndex(string function) => function.ToUpperInvariant() switch
    {
        "INPUT" or "GENERATERANDOM" or "NULL" => 0,
        "VALUES" when IsTable() => 0,
        "FORMAT" => 1,
        "FILE" => 2,
        _ => null,
    };

    /// <summary>
    /// Such columns are looked at, and those that are put together only when the statement runs cannot be. Other strings are left alone:
    /// rows and keys may say what they like.
    /// </summary>
    private readonly void CheckStructure(string function, int index)
    {
        var arguments = Arguments();
        // With two arguments it has no columns, and with braces in the first it is the function that makes text.
        if (Same(function, "format") && (arguments.Count != 3 || IsPattern(arguments[0])))
            return;
        if (arguments.Count <= index)
            return;
        var (first, count) = arguments[index];
        if (!IsLiteral(first, count))
            throw Denied($"the columns of {function}() have to be a string in the statement");
        if (first.Kind == SqlTokenKind.String)
            HiddenSql.CheckColumns(HiddenSql.Unquoted(Text(first)));
    }

    private readonly bool IsPattern((SqlToken First, int Count) argument) =>
        argument is { First.Kind: SqlTokenKind.String, Count: 1 } && Text(argument.First).Contains('{');

    /// <summary>Or a parameter, whose value is looked at as strings are.</summary>
    private readonly bool IsLiteral(SqlToken first, int count) =>
        count == 0 || count == 1 && first.Kind is SqlTokenKind.String or SqlTokenKind.Number
        || count == 5 && first.Kind == SqlTokenKind.Symbol && _text[first.Start] == '{';

    /// <summary>The arguments of the call that begins here: each one's first token, and how many it has.</summary>
    private readonly List<(SqlToken First, int Count)> Arguments()
    {
        var tokens = _tokens;
        tokens.Next();
        List<(SqlToken First, int Count)> arguments = [];
        var (first, count, depth) = (default(SqlToken), 0, 0);
        while (true)
        {
            var token = tokens.Next();
            var symbol = token.Kind == SqlTokenKind.Symbol ? _text[token.Start] : default;
            depth += symbol switch { (byte)'(' or (byte)'[' or (byte)'{' => 1, (byte)')' or (byte)']' or (byte)'}' => -1, _ => 0 };
            if (token.Kind == SqlTokenKind.End || depth < 0 || depth == 0 && symbol == ',')
            {
                arguments.Add((first, count));
                if (symbol != ',')
                    return arguments;
                (first, count) = (default, 0);
                continue;
            }

            if (count++ == 0)
                first = token;
        }
    }

    /// <summary>The name of a dictionary's source, unless it is a table of this server.</summary>
    private readonly string? ForeignSource()
    {
        var source = Text(Ahead(2));
        return Same(source, "CLICKHOUSE") || Same(source, "NULL") ? null : source;
    }

    private readonly bool IsRole() =>
        Ahead(1) is { Kind: SqlTokenKind.Word } what && (Same(Text(what), "ROLE") || Same(Text(what), "DEFAULT"))
        && !(Ahead(2) is { Kind: SqlTokenKind.Symbol } equals && _text[equals.Start] == '=');

    private readonly bool IsCall() =>
        Opens(_tokens) && Ahead(2) is { Kind: SqlTokenKind.Symbol } close && _text[close.Start] == ')';

    private readonly bool IsProcesses(out SqlToken end)
    {
        end = Ahead(2);
        return _previous.Kind == SqlTokenKind.Word && (Same(Text(_previous), "FROM") || Same(Text(_previous), "JOIN"))
            && Ahead(1) is { Kind: SqlTokenKind.Symbol } dot && _text[dot.Start] == '.'
            && end.Kind == SqlTokenKind.Word && Text(end) == "processes"
            && !(Ahead(3) is { Kind: SqlTokenKind.Symbol } next && _text[next.Start] is (byte)'.' or (byte)'(');
    }

    private readonly string Processes(IReadOnlyList<(string Connection, string Query)> running, SqlToken end)
    {
        var tokens = new SqlTokenizer(_text, end.End);
        var next = tokens.Next();
        var alias = next.Kind is SqlTokenKind.Word or SqlTokenKind.QuotedName && !AfterTable.Contains(Text(next)) ? "" : " AS processes";
        return $"(SELECT * REPLACE ({ClientId("query_id", running)} AS query_id, {ClientId("initial_query_id", running)} AS " +
            $"initial_query_id) FROM system.processes){alias}";
    }

    private static string ClientId(string column, IReadOnlyList<(string Connection, string Query)> running) =>
        running.Count == 0
            ? column
            : $"transform(Settings['{ChdbConnection.Marker}'], " +
                $"[{string.Join(", ", running.Select(query => SqlText.QuoteString(query.Connection)))}], "
                + $"[{string.Join(", ", running.Select(query => SqlText.QuoteString(query.Query)))}], {column})";

    private readonly bool Opens(SqlTokenizer tokens)
    {
        var next = tokens.Next();
        return next.Kind == SqlTokenKind.Symbol && _text[next.Start] == '(';
    }

    private readonly SqlToken Ahead(int count)
    {
        var tokens = _tokens;
        var token = default(SqlToken);
        for (var i = 0; i < count; i++)
            token = tokens.Next();
        return token;
    }

    private readonly string Text(SqlToken token) => Encoding.UTF8.GetString(_text[token.Start..token.End]);

    /// <summary>A string where a table's name stands is that name.</summary>
    private readonly bool IsTable() =>
        _previous.Kind == SqlTokenKind.Symbol ? _text[_previous.Start] == '.'
            : _previous.Kind == SqlTokenKind.Word && Text(_previous).ToUpperInvariant() is "FROM" or "JOIN" or "INTO" or "TABLE";

    /// <summary><c>APPLY file</c>, <c>APPLY(file)</c>: a call without an argument that could be looked at.</summary>
    private readonly bool IsApplied() =>
        _previous.Kind == SqlTokenKind.Word ? Same(Text(_previous), "APPLY")
            : _previous.Kind == SqlTokenKind.Symbol && _text[_previous.Start] == '('
                && _beforePrevious.Kind == SqlTokenKind.Word && Same(Text(_beforePrevious), "APPLY");

    private static bool Same(string word, string other) => word.Equals(other, StringComparison.OrdinalIgnoreCase);

    private static bool IsLoopback(string host) => host is "'localhost'" or "'127.0.0.1'" or "'::1'";

    private static ClickHouseException Denied(string text) =>
        ClickHouseException.Raise(ErrorCode.AccessDenied, "ACCESS_DENIED", $"Not enough privileges: {text}");
}
