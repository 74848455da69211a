using System.Text;

namespace AspireCdc.EmbeddedClickHouse.Sql;

/// <summary>Reads a <see cref="Statement"/> off the beginning of a request.</summary>
internal ref struct StatementParser
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly bool _complete;
    private SqlTokenizer _tokens;
    private SqlToken _token;
    private SqlToken _previous;
    private int _depth;
    private bool _namesClientFile;
    private SqlToken _input;

    private StatementParser(ReadOnlySpan<byte> text, bool complete)
    {
        _text = text;
        _complete = complete;
        _tokens = new SqlTokenizer(text);
        _token = _tokens.Next();
    }

    /// <summary>Null if <paramref name="text"/>, which is not <paramref name="complete"/>, does not show enough yet.</summary>
    public static Statement? Parse(ReadOnlySpan<byte> text, bool complete)
    {
        var parser = new StatementParser(text, complete);
        return parser.Is("INSERT") ? parser.ParseInsert() : complete ? parser.ParseOther() : null;
    }

    private Statement? ParseInsert()
    {
        Advance();
        SkipInsertTarget();
        while (_token.Kind != SqlTokenKind.End)
        {
            if (_depth == 0 && _token.Kind == SqlTokenKind.Word)
            {
                if (Is("VALUES"))
                    return ParseValues();
                if (Is("FORMAT"))
                    return ParseFormat(StatementKind.Insert);
                if (Is("SELECT") || Is("WITH") || Is("WATCH") || Is("EXPLAIN"))
                    return ParseInsertSelect();
                if (Is("INFILE"))
                    _namesClientFile = true;
            }
            else if (_depth == 0 && _token.Kind == SqlTokenKind.Symbol && _text[_token.Start] == '(' && OpensSelect())
            {
                return ParseInsertSelect();
            }

            Advance();
        }

        return _complete ? Complete(StatementKind.Command, "INSERT") : null;
    }

    /// <summary>INTO, TABLE, FUNCTION and the name, which may itself be one of the words looked for.</summary>
    private void SkipInsertTarget()
    {
        if (Is("INTO"))
            Advance();
        if (Is("TABLE"))
            Advance();
        if (Is("FUNCTION"))
            Advance();
        Advance();
        while (_token.Kind == SqlTokenKind.Symbol && _text[_token.Start] == '.')
        {
            Advance();
            Advance();
        }
    }

    private readonly bool OpensSelect()
    {
        var tokens = _tokens;
        for (var next = tokens.Next(); next.Kind != SqlTokenKind.End; next = tokens.Next())
        {
            if (next.Kind == SqlTokenKind.Symbol && _text[next.Start] == '(')
                continue;
            return IsWord(next, "SELECT") || IsWord(next, "WITH") || IsWord(next, "FROM");
        }

        return false;
    }

    private Statement? ParseValues()
    {
        var values = _token;
        Advance();
        if (_token.Kind == SqlTokenKind.End && !_complete)
            return null;
        return new()
        {
            Kind = StatementKind.Insert,
            Keyword = "INSERT",
            Format = "Values",
            BodyEnd = values.Start,
            DataStart = _token.Start,
            NamesClientFile = _namesClientFile,
        };
    }

    /// <summary>FORMAT name [SETTINGS …] and the data, which begin after the first line break, or after
    /// the spaces if there is none.</summary>
    private Statement? ParseFormat(StatementKind kind)
    {
        var format = _token;
        Advance();
        var name = _token;
        if (name.Kind is not (SqlTokenKind.Word or SqlTokenKind.QuotedName))
            return _complete ? Complete(StatementKind.Command, "INSERT") : null;

        var end = name.End;
        var tail = end..end;
        var peek = new SqlTokenizer(_text, end);
        var next = peek.Next();
        if (!_complete && next.End >= _text.Length)
            return null;
        if (IsWord(next, "SETTINGS"))
        {
            if (SettingsEnd(ref peek) is not { } settingsEnd)
                return null;
            tail = next.Start..settingsEnd;
            end = settingsEnd;
        }

        return new()
        {
            Kind = kind,
            Keyword = "INSERT",
            Format = Unquote(name),
            BodyEnd = format.Start,
            Tail = tail,
            DataStart = SkipToData(end),
            Input = kind == StatementKind.InsertFromInput ? _input.Start.._input.End : 0..0,
            NamesClientFile = _namesClientFile,
        };
    }

    /// <summary>Where a list of settings ends; null if the text so far may not show its end.</summary>
    private readonly int? SettingsEnd(ref SqlTokenizer tokens)
    {
        while (true)
        {
            tokens.Next(); // the name
            tokens.Next(); // =
            var value = tokens.Next();
            var depth = 0;
            while (value.Kind == SqlTokenKind.Symbol)
            {
                var symbol = _text[value.Start];
                depth += symbol is (byte)'[' or (byte)'(' or (byte)'{' ? 1 : symbol is (byte)']' or (byte)')' or (byte)'}' ? -1 : 0;
                if (depth == 0 && symbol is not ((byte)'-' or (byte)'+'))
                    break;
                value = tokens.Next();
                while (depth > 0 && value.Kind is not (SqlTokenKind.Symbol or SqlTokenKind.End))
                    value = tokens.Next();
            }

            // A decimal fraction is more than one token here.
            var end = value.End;
            var ahead = tokens;
            var next = ahead.Next();
            while (next.Kind == SqlTokenKind.Symbol && _text[next.Start] == '.' && next.Start == end)
            {
                end = ahead.Next().End;
                tokens = ahead;
                next = ahead.Next();
            }

            if (!_complete && next.End >= _text.Length)
                return null;
            if (next.Kind != SqlTokenKind.Symbol || _text[next.Start] != ',')
                return end;
            tokens = ahead;
        }
    }

    private readonly int SkipToData(int at)
    {
        while (at < _text.Length && _text[at] is (byte)' ' or (byte)'\t' or (byte)'\f')
            at++;
        if (at < _text.Length && _text[at] == '\r')
            at++;
        if (at < _text.Length && _text[at] == '\n')
            at++;
        return at;
    }

    private Statement? ParseInsertSelect()
    {
        for (; _token.Kind != SqlTokenKind.End; Advance())
        {
            if (_token.Kind != SqlTokenKind.Word)
                continue;
            if (Is("INPUT") && NextIsOpenParenthesis())
                _input = _token;
            else if (_depth == 0 && _input.Kind == SqlTokenKind.Word && Is("FORMAT"))
                return ParseFormat(StatementKind.InsertFromInput);
        }

        return _complete ? Complete(StatementKind.Command, "INSERT") : null;
    }

    private readonly bool NextIsOpenParenthesis()
    {
        var ahead = _tokens;
        var next = ahead.Next();
        return next.Kind == SqlTokenKind.Symbol && _text[next.Start] == '(';
    }

    private Statement ParseOther()
    {
        if (_token.Kind == SqlTokenKind.End)
            return new() { Kind = StatementKind.Command, BodyEnd = 0, IsEmpty = true };

        var first = _token;
        var keyword = first.Kind == SqlTokenKind.Word ? Encoding.ASCII.GetString(_text[first.Start..first.End]).ToUpperInvariant() : "";
        var select = IsSelect(keyword, first);
        return Complete(select ? StatementKind.Select : StatementKind.Command, keyword);
    }

    private readonly bool IsSelect(string keyword, SqlToken first) => keyword switch
    {
        "SELECT" or "WITH" or "FROM" => true,
        "" => first.Kind == SqlTokenKind.Symbol && _text[first.Start] == '(',
        _ => false,
    };

    /// <summary>Walks to the end of a statement that is wholly there.</summary>
    private Statement Complete(StatementKind kind, string keyword)
    {
        SqlToken? format = null;
        var name = default(SqlToken);
        var tail = default(SqlToken);
        var second = -1;
        var parallel = false;
        for (; _token.Kind != SqlTokenKind.End; Advance())
        {
            if (_token.Kind == SqlTokenKind.Symbol && _text[_token.Start] == ';' && _depth == 0)
            {
                var semicolon = _token;
                var ahead = _tokens;
                var next = ahead.Next();
                while (next.Kind == SqlTokenKind.Symbol && _text[next.Start] == ';')
                    next = ahead.Next();
                if (next.Kind != SqlTokenKind.End)
                    second = semicolon.Start;
                break;
            }

            if (Is("OUTFILE") && IsWord(_previous, "INTO") || Is("INFILE") && IsWord(_previous, "FROM"))
                _namesClientFile = true;
            if (_depth != 0 || _token.Kind != SqlTokenKind.Word)
                continue;
            if (Is("WITH") && IsWord(_previous, "PARALLEL"))
                parallel = true;
            else if (Is("INSERT") && kind == StatementKind.Select)
                kind = StatementKind.Command; // WITH … INSERT … SELECT
            else if (format is null && Is("FORMAT") && MayEndExpression(_previous) && FormatName(out name, out tail))
                format = _token;
        }

        return new()
        {
            Kind = kind,
            Keyword = keyword,
            Format = format is null ? null : Unquote(name),
            BodyEnd = format?.Start ?? _previous.End,
            Tail = tail.Kind == SqlTokenKind.Word ? tail.Start.._previous.End : 0..0,
            SecondStatement = second,
            IsParallel = parallel,
            NamesClientFile = _namesClientFile,
        };
    }

    /// <summary>FORMAT is a clause, and not a column of that name, if a name and then the end or SETTINGS follow it.</summary>
    private readonly bool FormatName(out SqlToken name, out SqlToken tail)
    {
        var ahead = _tokens;
        name = ahead.Next();
        tail = ahead.Next();
        return name.Kind is SqlTokenKind.Word or SqlTokenKind.QuotedName
            && (tail.Kind == SqlTokenKind.End || IsWord(tail, "SETTINGS")
                || (tail.Kind == SqlTokenKind.Symbol && _text[tail.Start] == ';'));
    }

    private readonly bool MayEndExpression(SqlToken token) => token.Kind switch
    {
        SqlTokenKind.Symbol => _text[token.Start] is (byte)')' or (byte)']' or (byte)'}' or (byte)'*',
        SqlTokenKind.Word => !IsWord(token, "SELECT") && !IsWord(token, "DISTINCT") && !IsWord(token, "WHERE") && !IsWord(token, "BY")
            && !IsWord(token, "FROM") && !IsWord(token, "JOIN") && !IsWord(token, "AS"),
        _ => true,
    };

    private void Advance()
    {
        if (_token.Kind == SqlTokenKind.Symbol)
        {
            _depth += _text[_token.Start] switch
            {
                (byte)'(' or (byte)'[' or (byte)'{' => 1,
                (byte)')' or (byte)']' or (byte)'}' => -1,
                _ => 0,
            };
        }

        _previous = _token;
        _token = _tokens.Next();
    }

    private readonly bool Is(string word) => IsWord(_token, word);

    private readonly bool IsWord(SqlToken token, string word) =>
        token.Kind == SqlTokenKind.Word && Ascii.EqualsIgnoreCase(_text[token.Start..token.End], word);

    private readonly string Unquote(SqlToken token) =>
        Encoding.UTF8.GetString(_text[token.Start..token.End]).Trim('`', '"', '“', '”');
}
