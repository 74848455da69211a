namespace AspireCdc.CdcProcessor.Changes;

/// <summary>Work on many rows in pieces that fit into memory, however large the rows are.</summary>
internal static class Portions
{
    /// <summary>The items in their order, in portions of so many items and bytes at most; a larger item is a portion by itself.</summary>
    /// <param name="items">The items.</param>
    /// <param name="most">The most items of a portion.</param>
    /// <param name="mostBytes">The most bytes of a portion.</param>
    /// <param name="bytesOf">An item's size.</param>
    public static IEnumerable<IReadOnlyList<T>> InPortions<T>(
        this IEnumerable<T> items, int most, long mostBytes, Func<T, long> bytesOf)
    {
        var portion = new List<T>();
        var bytes = 0L;
        foreach (var item in items)
        {
            var size = bytesOf(item);
            if (portion.Count > 0 && (portion.Count == most || bytes + size > mostBytes))
            {
                yield return portion;
                (portion, bytes) = ([], 0);
            }
            portion.Add(item);
            bytes += size;
        }
        if (portion.Count > 0)
            yield return portion;
    }
}
