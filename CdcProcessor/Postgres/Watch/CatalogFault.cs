using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.Postgres.Watch;

/// <summary>Something of the source that is not as the work takes it.</summary>
/// <param name="Table">The table that it concerns; null for all.</param>
/// <param name="What">A sentence's part, with the cure.</param>
/// <param name="IsLossy">
/// While it is so, changes or values of the table do not come: it must be copied anew after that, and cannot be before.
/// </param>
/// <param name="IsOfReading">The table cannot be copied and its rows cannot be read again; its changes come all the same.</param>
internal sealed record CatalogFault(TableMapping? Table, string What, bool IsLossy = false, bool IsOfReading = false)
{
    /// <summary>It stands in the way of a table's rows.</summary>
    public bool Withholds(TableMapping table) => IsLossy && (Table is null || Table == table);
}
