using System.Buffers;
using System.Text;

namespace AspireCdc.EmbeddedClickHouse.Sql;

internal enum SqlTokenKind
{
    /// <summary>No token is left.</summary>
    End,

    /// <summary>A keyword or a plain name.</summary>
    Word,
    Number,
    String,
    QuotedName,

    /// <summary>A single character of punctuation or of an operator.</summary>
    Symbol,
}

/// <summary>A token and where it stands in the text.</summary>
internal readonly record struct SqlToken(SqlTokenKind Kind, int Start, int End);

/// <summary>
/// Splits SQL into tokens as ClickHouse's lexer does, as far as needed to find where a statement's parts begin: comments and the insides of
/// strings must not be taken for keywords.
/// </summary>
internal ref struct SqlTokenizer(ReadOnlySpan<byte> text, int position = 0)
{
    private readonly ReadOnlySpan<byte> _text = text;

    public int Position { get; private set; } = position;

    public SqlToken Next()
    {
        SkipSpace();
        var start = Position;
        if (start >= _text.Length)
            return new(SqlTokenKind.End, start, start);

        if (UnicodeQuote(start) is { } quoted)
            return quoted;
        var c = _text[start];
        switch (c)
        {
            case (byte)'\'':
                return Quoted(SqlTokenKind.String, c);
            case (byte)'"' or (byte)'`':
                return Quoted(SqlTokenKind.QuotedName, c);
            case (byte)'$' when HeredocEnd(start) is { } end:
                Position = end;
                return new(SqlTokenKind.String, start, end);
        }

        if (IsWordStart(c))
            return Run(SqlTokenKind.Word);
        if (char.IsAsciiDigit((char)c))
            return Run(SqlTokenKind.Number);
        Position++;
        return new(SqlTokenKind.Symbol, start, Position);
    }

    public static bool IsSpace(byte c) => c is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r' or (byte)'\f' or (byte)'\v';

    private static bool IsWordStart(byte c) => char.IsAsciiLetter((char)c) || c == '_';

    private SqlToken Run(SqlTokenKind kind)
    {
        var start = Position;
        while (Position < _text.Length
            && (IsWordStart(_text[Position]) || char.IsAsciiDigit((char)_text[Position]) || _text[Position] == '$'))
            Position++;
        return new(kind, start, Position);
    }

    /// <summary>A doubled quote and a quote after a backslash belong to the text; one that is never closed reaches to the end.</summary>
    private SqlToken Quoted(SqlTokenKind kind, byte quote)
    {
        var start = Position++;
        while (Position < _text.Length)
        {
            var found = _text[Position..].IndexOfAny(quote, (byte)'\\');
            if (found < 0)
                break;
            Position += found;
            if (_text[Position] == '\\')
            {
                Position = Math.Min(Position + 2, _text.Length);
                continue;
            }

            Position++;
            if (Position < _text.Length && _text[Position] == quote)
                Position++;
            else
                return new(kind, start, Position);
        }

        Position = _text.Length;
        return new(kind, start, Position);
    }

    /// <summary>‘text’ and “name”, as word processors write them, with nothing special inside.</summary>
    private SqlToken? UnicodeQuote(int start)
    {
        var rest = _text[start..];
        var (kind, close) = rest.StartsWith("‘"u8) ? (SqlTokenKind.String, "’"u8.ToArray())
            : rest.StartsWith("“"u8) ? (SqlTokenKind.QuotedName, "”"u8.ToArray())
            : default;
        if (close is null)
            return null;
        var end = rest[close.Length..].IndexOf(close);
        Position = end < 0 ? _text.Length : start + close.Length + end + close.Length;
        return new(kind, start, Position);
    }

    /// <summary><c>$tag$ … $tag$</c>, with a tag or without.</summary>
    private readonly int? HeredocEnd(int start)
    {
        var close = start + 1;
        while (close < _text.Length && (IsWordStart(_text[close]) || char.IsAsciiDigit((char)_text[close])))
            close++;
        if (close >= _text.Length || _text[close] != '$')
            return null;
        var tag = _text[start..(close + 1)];
        var end = _text[(close + 1)..].IndexOf(tag);
        return end < 0 ? null : close + 1 + end + tag.Length;
    }

    private void SkipSpace()
    {
        while (Position < _text.Length)
        {
            var rest = _text[Position..];
            if (IsSpace(rest[0]))
                Position++;
            else if (rest.StartsWith("--"u8) || rest.StartsWith("//"u8) || rest.StartsWith("# "u8) || rest.StartsWith("#!"u8))
                SkipLine(rest);
            else if (rest.StartsWith("/*"u8))
                SkipComment();
            else if (Rune.DecodeFromUtf8(rest, out var rune, out var length) == OperationStatus.Done && IsUnicodeSpace(rune))
                Position += length;
            else
                return;
        }
    }

    /// <summary>As the engine has it (<c>skipWhitespacesUTF8</c>): what is space to it and not to us would hide what follows.</summary>
    private static bool IsUnicodeSpace(Rune rune) =>
        rune.Value is 0x85 or 0xA0 or 0x180E or (>= 0x2000 and <= 0x200D) or 0x2028 or 0x2029 or 0x202F or 0x205F or 0x2060 or 0x3000
            or 0xFEFF;

    private void SkipLine(ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOf((byte)'\n');
        Position = end < 0 ? _text.Length : Position + end + 1;
    }

    /// <summary>A comment may stand in a comment; one that is never closed reaches to the end.</summary>
    private void SkipComment()
    {
        var depth = 0;
        do
        {
            var found = _text[Position..].IndexOfAny((byte)'/', (byte)'*');
            if (found < 0 || Position + found + 1 >= _text.Length)
            {
                Position = _text.Length;
                return;
            }

            Position += found;
            var change = (_text[Position], _text[Position + 1]) switch
            {
                ((byte)'/', (byte)'*') => 1,
                ((byte)'*', (byte)'/') => -1,
                _ => 0,
            };
            depth += change;
            Position += change == 0 ? 1 : 2;
        }
        while (depth > 0);
    }
}
