using System.Numerics;
using System.Runtime.CompilerServices;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>
/// Where batches take their arrays from. A pool of the framework keeps arrays of each size, or for each thread; a flood has batches of all
/// sizes, on another thread with every step, and would come to hold many times what is in use. This one keeps a few, whatever their size,
/// and where none is large enough, the new one takes the place of one that is not.
/// </summary>
internal sealed class BatchPool<T>
{
    /// <summary>32 MB of bytes, as a batch grows to by default; what a larger row takes is given back with its batch.</summary>
    public const int LargestArray = 1 << 25;

    /// <summary>Bytes of an array that is not kept: one for a few rows must not be one that has held many.</summary>
    private const int SmallArray = 64 * 1024;

    /// <summary>One batch is being filled and one written, so two arrays are free at most for long.</summary>
    private const int Kept = 2;

    private readonly Lock _lock = new();

    /// <summary>The smallest first.</summary>
    private readonly List<T[]> _free = [];

    private BatchPool()
    {
    }

    public static BatchPool<T> Arrays { get; } = new();

    /// <summary>An array of this length at least, that holds what it held last.</summary>
    public T[] Rent(int minimumLength)
    {
        if (minimumLength > LargestArray)
            return GC.AllocateUninitializedArray<T>(minimumLength);

        var length = (int)BitOperations.RoundUpToPowerOf2((uint)minimumLength);
        return (IsSmall(length) ? null : Take(length)) ?? GC.AllocateUninitializedArray<T>(length);
    }

    /// <summary>Keeps the largest.</summary>
    public void Return(T[] array)
    {
        if (array.Length > LargestArray || IsSmall(array.Length))
            return;

        lock (_lock)
        {
            var place = _free.FindIndex(other => other.Length >= array.Length);
            _free.Insert(place < 0 ? _free.Count : place, array);
            if (_free.Count > Kept)
                _free.RemoveAt(0);
        }
    }

    private T[]? Take(int length)
    {
        lock (_lock)
        {
            if (_free.Count == 0)
                return null;

            var fit = _free.FindIndex(array => array.Length >= length);
            var taken = fit < 0 ? null : _free[fit];
            _free.RemoveAt(Math.Max(fit, 0));
            return taken;
        }
    }

    private static bool IsSmall(int length) => (long)length * Unsafe.SizeOf<T>() <= SmallArray;
}
