using AspireCdc.Benchmarks.Machine;

namespace AspireCdc.Benchmarks.Growth;

/// <summary>All figures of a run, as they go into the JSON file.</summary>
internal sealed record GrowthReport(MachineState Machine, IReadOnlyList<SizeFigures> Sizes, double? LoadAtEnd);

/// <summary>What one size costs. The store's rows are its orders and items, and each has a fact.</summary>
/// <param name="Items">Order items.</param>
/// <param name="Rows">Orders and items.</param>
/// <param name="CopySeconds">From the processor's start until all tables are copied and all facts are derived.</param>
/// <param name="DeriveSeconds">From the processor's start until both facts are derived whole once more.</param>
/// <param name="VerifySeconds">All tables and facts compared with PostgreSQL.</param>
/// <param name="CustomerMilliseconds">From the commit of one customer's change until its 500 facts show it, median.</param>
/// <param name="OrdersMilliseconds">From the commit of a hundred orders until they are visible, median.</param>
/// <param name="ProcessorPeakMb">The processor's peak, all that included.</param>
internal sealed record SizeFigures(
    long Items, long Rows, double CopySeconds, double DeriveSeconds, double VerifySeconds, double CustomerMilliseconds,
    double OrdersMilliseconds, double ProcessorPeakMb);
