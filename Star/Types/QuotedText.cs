namespace AspireCdc.Star.Types;

/// <summary>
/// Takes values off a list of PostgreSQL's, where each may stand in quotation marks, and a backslash makes the next character a plain
/// one.
/// </summary>
internal ref struct QuotedText(ReadOnlySpan<byte> text)
{
    private ReadOnlySpan<byte> _rest = text;
    private bool _isMoreToCome = !text.IsEmpty;

    /// <summary>The value as it stands between its quotation marks, if it has some.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    public bool IsQuoted { get; private set; }

    /// <summary>It holds backslashes (see <see cref="Unescape"/>).</summary>
    public bool IsEscaped { get; private set; }

    /// <summary>All of the list was taken, and was one.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty && !_isMoreToCome;

    /// <summary>Takes the next value, and the separator behind it.</summary>
    public bool TryTake(char separator) => _isMoreToCome && TryTakeValue(separator) && TryTakeSeparator(separator);

    /// <summary>The value without its backslashes; returns its length.</summary>
    public readonly int Unescape(Span<byte> target)
    {
        var length = 0;
        for (var i = 0; i < Value.Length; i++)
            target[length++] = Value[i] == '\\' ? Value[++i] : Value[i];
        return length;
    }

    private bool TryTakeValue(char separator)
    {
        IsQuoted = _rest is [(byte)'"', ..];
        if (IsQuoted)
            _rest = _rest[1..];

        IsEscaped = false;
        var end = 0;
        while (true)
        {
            var next = IsQuoted ? _rest[end..].IndexOfAny((byte)'"', (byte)'\\') : _rest[end..].IndexOfAny((byte)separator, (byte)'\\');
            if (next < 0)
            {
                end = IsQuoted ? -1 : _rest.Length;
                break;
            }
            end += next;
            if (_rest[end] != '\\')
                break;
            IsEscaped = true;
            end += 2;
            if (end > _rest.Length)
                return false;
        }
        if (end < 0)
            return false;

        Value = _rest[..end];
        _rest = _rest[(IsQuoted ? end + 1 : end)..];
        return true;
    }

    private bool TryTakeSeparator(char separator)
    {
        _isMoreToCome = !_rest.IsEmpty;
        if (!_isMoreToCome)
            return true;
        if (_rest[0] != separator)
            return false;

        _rest = _rest[1..];
        return true;
    }
}
