using System.Buffers;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>
/// Where batches take their arrays from. Not the shared pool: that keeps arrays for each thread, and a batch is on another one with every
/// step, so it would come to hold many times what is in use.
/// </summary>
internal static class BatchPool<T>
{
    /// <summary>32 MB of bytes, as a batch grows to by default; what a larger row takes is given back with its batch.</summary>
    public const int LargestArray = 1 << 25;

    /// <summary>One is being filled, one waits, one is being written, one comes from a copy.</summary>
    private const int ArraysOfOneSize = 4;

    public static ArrayPool<T> Arrays { get; } = ArrayPool<T>.Create(LargestArray, ArraysOfOneSize);
}
