using System.Buffers;

namespace AspireCdc.CdcProcessor.Changes;

/// <summary>Compares keys as ClickHouse stores them: REPLICA IDENTITY FULL sends an old row with every update, and
/// 1.0 → 1.00 is no other key.</summary>
internal sealed class KeyComparison
{
    private readonly ArrayBufferWriter<byte> _old = new();
    private readonly ArrayBufferWriter<byte> _new = new();

    /// <summary>An old row that does not name its key names no other one.</summary>
    public bool Differ(ChangeBatch batch, Relation relation, RowRef old, RowRef row)
    {
        _old.ResetWrittenCount();
        _new.ResetWrittenCount();
        foreach (var column in relation.Table.Key)
        {
            var position = relation.Positions[column];
            if (position < 0 || batch.Kind(old, position) != ValueKind.Text)
                return false;

            var type = relation.Table.Columns[column].Type;
            if (!type.TryWrite(batch.Text(old, position), _old) || !type.TryWrite(batch.Text(row, position), _new))
                return true;
        }
        return !_old.WrittenSpan.SequenceEqual(_new.WrittenSpan);
    }
}
