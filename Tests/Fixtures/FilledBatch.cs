using System.Text;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.Star.Model;

namespace AspireCdc.Tests.Fixtures;

/// <summary>Batches of a test, filled with texts as the source would write them.</summary>
internal static class FilledBatch
{
    /// <summary>Adds a change of one row; a deleted one's values may end with its key.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="table">The table.</param>
    /// <param name="values">Its columns in the model's order; null for NULL.</param>
    /// <param name="commit">The LSN of its commit.</param>
    /// <param name="record">The LSN of its record.</param>
    /// <param name="operation">What was done.</param>
    public static void Add(this ChangeBatch batch, TableMapping table, IReadOnlyList<string?> values, ulong commit, ulong record,
        ChangeOperation operation = ChangeOperation.Insert)
    {
        var relation = Relation.Of(table);
        var row = batch.AddRow(relation.Columns.Count);
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] is { } value)
                batch.SetText(row, i, Encoding.UTF8.GetBytes(value));
            else
                batch.SetNull(row, i);
        }
        var isDeleted = operation == ChangeOperation.Delete;
        batch.Add(new Change(relation, operation, Lsn.Version(commit, record), commit, -1, 0,
            isDeleted ? row : RowRef.None, isDeleted ? RowRef.None : row));
    }
}
