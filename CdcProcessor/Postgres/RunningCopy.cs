using System.Globalization;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>A table's copy under way: its point, which stays over crashes, and the ranges of pages that have landed.</summary>
internal sealed class RunningCopy
{
    private readonly Lock _lock = new();
    private readonly List<(long First, long? End)> _done;

    /// <param name="point">As of when.</param>
    /// <param name="ranges">What is there already, as <see cref="Of"/> writes it.</param>
    public RunningCopy(ulong point, string ranges)
    {
        Point = point;
        _done = [.. ranges.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(range => range.Split('-'))
            .Select(ends => (Page(ends[0]), ends[1].Length == 0 ? null as long? : Page(ends[1])))];
    }

    public ulong Point { get; }

    /// <summary>Ranges that are still to be read.</summary>
    public int Left { get; private set; }

    /// <summary>Counts a range that is to be read; false if it is there already.</summary>
    public bool Plan(CopyRange wanted)
    {
        if (_done.Exists(range => range.First <= wanted.First && (range.End is null || wanted.End <= range.End)))
            return false;
        Left++;
        return true;
    }

    /// <summary>A range has landed; returns how many are left.</summary>
    public int End(CopyRange range)
    {
        lock (_lock)
        {
            _done.Add((range.First, range.End));
            return --Left;
        }
    }

    /// <summary>The relation with what has landed so far: <c>0-8192,8192-</c>.</summary>
    public Relation Of(Relation relation)
    {
        lock (_lock)
        {
            return new Relation(relation.Table, relation.Columns)
            {
                Oid = relation.Oid,
                Form = relation.Form,
                Ranges = string.Join(',', _done.Select(range => string.Create(CultureInfo.InvariantCulture, $"{range.First}-{range.End}"))),
            };
        }
    }

    private static long Page(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
