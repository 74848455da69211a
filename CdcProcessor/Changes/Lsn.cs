using System.Globalization;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>PostgreSQL's log sequence numbers as people write them: <c>0/1A2B3C4</c>.</summary>
internal static class Lsn
{
    public static string Format(ulong lsn) => $"{lsn >> 32:X}/{(uint)lsn:X}";

    /// <summary>Reads <c>0/1A2B3C4</c> and <c>00000000/01A2B3C4</c> alike.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ulong lsn)
    {
        lsn = 0;
        var slash = text.IndexOf('/');
        if (slash is < 1 or > 8
            || !uint.TryParse(text[..slash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !uint.TryParse(text[(slash + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
            return false;

        lsn = ((ulong)high << 32) | low;
        return true;
    }

    public static ulong Parse(string text) =>
        TryParse(text, out var lsn) ? lsn : throw new FormatException($"'{text}' is no LSN: one looks like 0/1A2B3C4.");

    /// <summary>The landing version of a change from PostgreSQL.</summary>
    public static UInt128 Version(ulong commit, ulong record) => new(commit, record);

    /// <summary>The landing version of a row copied at <paramref name="point"/>.</summary>
    public static UInt128 CopyVersion(ulong point) => new(point, 0);

    /// <summary>
    /// The landing version of a row without a key that was copied at <paramref name="point"/>: its own among the copy's. The highest bit
    /// tells it from a change whose commit stands at the point, since no record's LSN reaches that far.
    /// </summary>
    public static UInt128 CopyVersion(ulong point, ulong row) => new(point, (1UL << 63) | row);
}
