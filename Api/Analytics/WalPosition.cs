using System.Globalization;

namespace AspireCdc.Api.Analytics;

/// <summary>A position in PostgreSQL's WAL as text: <c>0/1A2B3C4</c>.</summary>
internal static class WalPosition
{
    public static string Format(ulong lsn) => $"{lsn >> 32:X}/{(uint)lsn:X}";

    public static bool TryParse(string text, out ulong lsn)
    {
        lsn = 0;
        if (text.Split('/') is not [{ Length: <= 8 } first, { Length: <= 8 } second]
            || !uint.TryParse(first, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !uint.TryParse(second, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
            return false;
        lsn = ((ulong)high << 32) | low;
        return true;
    }
}
