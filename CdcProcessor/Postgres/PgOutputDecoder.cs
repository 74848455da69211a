using System.Diagnostics;
using System.Text;
using System.Text.Json;
using AspireCdc.CdcProcessor.Changes;
using AspireCdc.CdcProcessor.Postgres.Watch;
using AspireCdc.Star.Model;
using AspireCdc.Star.Postgres;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// Decodes pgoutput (whole transactions in commit order, as protocol version 1 sends them) into batches. A change's version is made of its
/// commit's LSN, which Begin announces, and its record's: the record's alone does not order the changes of a key, since an INSERT that
/// waits for another transaction's DELETE has the lower one.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="markerPrefix">The prefix of this processor's own markers.</param>
/// <param name="onIgnoredTable">Told of a table that the model does not have.</param>
/// <param name="onRelation">Told of each description of a table.</param>
/// <param name="byIdentity">The table of an OID that is known, whatever it is called when its rows change.</param>
/// <param name="onStrangeMessage">Told of the prefix of a message that somebody else has written under it.</param>
internal sealed class PgOutputDecoder(
    StarModel model, string markerPrefix, Action<string> onIgnoredTable, Action<Relation> onRelation,
    Func<uint, TableMapping?>? byIdentity = null, Action<string>? onStrangeMessage = null)
{
    /// <summary>Microseconds from 1970 to 2000, where PostgreSQL's clock begins.</summary>
    private const long PostgresEpoch = 946_684_800_000_000;

    /// <summary>The message by which a transaction says where it comes from, as W3C's <c>traceparent</c>; any writer may send it.</summary>
    private const string TracePrefix = "traceparent";

    private const int LongestTrace = 128;

    /// <summary>Null for tables that the mapping does not have.</summary>
    private readonly Dictionary<uint, Relation?> _relations = [];
    private ulong _commitLsn;
    private long _commitTime;
    private uint _transaction;
    private ulong _record;
    private uint _rowsOfRecord;

    /// <summary>Between Begin and Commit.</summary>
    public bool InTransaction { get; private set; }

    /// <summary>The commit LSN of the transaction that is being read.</summary>
    public ulong CommitLsn => _commitLsn;

    /// <summary>When that commit was made, in microseconds since 1970.</summary>
    public long CommitTime => _commitTime;

    /// <summary>Appends what one message says.</summary>
    /// <exception cref="InvalidDataException">The message is not as PostgreSQL sends one; the text says which
    /// it is, and what is wrong.</exception>
    public void Decode(ulong lsn, ReadOnlySpan<byte> message, StreamBatch batch)
    {
        try
        {
            Read(lsn, message, batch);
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or FormatException or InvalidOperationException
            or OverflowException)
        {
            var kind = message.IsEmpty
                ? "of no kind" : char.IsAsciiLetter((char)message[0]) ? $"'{(char)message[0]}'" : $"0x{message[0]:x2}";
            throw new InvalidDataException(
                $"PostgreSQL sent a replication message {kind} of {message.Length} bytes at {Lsn.Format(lsn)} that cannot be read: " +
                $"{e.Message.TrimEnd('.')}.", e);
        }
    }

    private void Read(ulong lsn, ReadOnlySpan<byte> message, StreamBatch batch)
    {
        var reader = new WireReader(message);
        switch ((char)reader.Byte())
        {
            case 'B':
                _commitLsn = reader.UInt64();
                _commitTime = reader.Int64() + PostgresEpoch;
                _transaction = reader.UInt32();
                InTransaction = true;
                break;
            case 'C':
                reader.Take(1 + 8);
                batch.Changes.EndAt(new SourcePosition(-1, reader.UInt64()));
                InTransaction = false;
                break;
            case 'R':
                ReadRelation(ref reader);
                break;
            case 'I':
                ReadInsert(ref reader, lsn, batch);
                break;
            case 'U':
                ReadUpdate(ref reader, lsn, batch);
                break;
            case 'D':
                ReadDelete(ref reader, lsn, batch);
                break;
            case 'T':
                ReadTruncate(ref reader, lsn, batch);
                break;
            case 'M':
                ReadMessage(ref reader, batch);
                break;
        }
    }

    private void ReadRelation(ref WireReader reader)
    {
        var id = reader.UInt32();
        var schema = reader.String();
        var name = reader.String();
        var identity = (char)reader.Byte();
        var count = reader.Int16();
        var columns = count >= 0 ? new RelationColumn[count] : throw new InvalidDataException($"it describes {count} columns");
        for (var i = 0; i < columns.Length; i++)
        {
            reader.Take(1);
            var column = reader.String();
            columns[i] = new RelationColumn(column, reader.UInt32(), reader.Int32());
        }

        var table = byIdentity?.Invoke(id)
            ?? model.Tables.FirstOrDefault(mapping => mapping.Name == name
                && mapping.Schema == (schema.Length > 0 ? schema : "pg_catalog"));
        _relations[id] = table is null ? null : new Relation(table, columns, identity == 'f') { Oid = id };
        if (_relations[id] is { } relation)
            onRelation(relation);
        else
            onIgnoredTable($"{schema}.{name}");
    }

    private void ReadInsert(ref WireReader reader, ulong lsn, StreamBatch batch)
    {
        if (Find(reader.UInt32()) is not { } relation)
            return;

        reader.Take(1);
        var row = ReadRow(ref reader, relation, batch.Changes, out _);
        batch.Changes.Add(Change(relation, ChangeOperation.Insert, relation.Table.AppendOnly ? PlaceOf(lsn) : lsn, RowRef.None, row));
    }

    private void ReadUpdate(ref WireReader reader, ulong lsn, StreamBatch batch)
    {
        if (Find(reader.UInt32()) is not { } relation)
            return;

        var old = RowRef.None;
        var kind = (char)reader.Byte();
        if (kind is 'K' or 'O')
        {
            old = ReadRow(ref reader, relation, batch.Changes, out _);
            reader.Take(1);
        }

        var row = ReadRow(ref reader, relation, batch.Changes, out var complete);
        if (!complete)
        {
            if (kind == 'O')
                complete = batch.Changes.TakeOver(old, row);
            if (!complete)
                batch.Incomplete.Add(new IncompleteChange(batch.Changes.Count, _transaction));
        }
        batch.Changes.Add(Change(relation, ChangeOperation.Update, lsn, old, row));
    }

    private void ReadDelete(ref WireReader reader, ulong lsn, StreamBatch batch)
    {
        if (Find(reader.UInt32()) is not { } relation)
            return;

        reader.Take(1);
        var row = ReadRow(ref reader, relation, batch.Changes, out _);
        batch.Changes.Add(Change(relation, ChangeOperation.Delete, lsn, row, RowRef.None));
    }

    private void ReadTruncate(ref WireReader reader, ulong lsn, StreamBatch batch)
    {
        var count = reader.Int32();
        reader.Take(1);
        for (var i = 0; i < count; i++)
        {
            if (Find(reader.UInt32()) is not { } relation)
                continue;
            batch.Truncates.Add((relation, _transaction));
            batch.Changes.Add(Change(relation, ChangeOperation.Truncate, lsn, RowRef.None, RowRef.None));
        }
    }

    private void ReadMessage(ref WireReader reader, StreamBatch batch)
    {
        var transactional = reader.Byte() == 1;
        var lsn = reader.UInt64();
        var prefix = reader.String();
        var content = reader.Take(reader.Int32());
        if (transactional && prefix == TracePrefix && content.Length <= LongestTrace
            && ActivityContext.TryParse(Encoding.ASCII.GetString(content), null, isRemote: true, out var trace))
            batch.Changes.LinkTo(trace, _commitLsn, _commitTime);
        if (transactional && prefix == SchemaTrigger.Prefix)
        {
            if (SchemaMessage.TryParse(content) is { } schema)
                batch.SchemaChanges.Add((schema, _commitLsn));
            else
                onStrangeMessage?.Invoke(prefix);
        }
        if (transactional || prefix != markerPrefix)
            return;

        if (Marker.TryParse(content, model, lsn) is not { } markers)
        {
            onStrangeMessage?.Invoke(prefix);
            return;
        }
        foreach (var marker in markers)
        {
            var relation = Relation.Of(model.Table(marker.Table));
            if (marker is { Repair: true, Key: not null })
                batch.Repairs.Add(batch.Changes.Count);
            batch.Changes.Add(new Change(relation, ChangeOperation.Derive, Lsn.Version(lsn, lsn), lsn, -1, 0, RowRef.None,
                marker.AddKey(batch.Changes, relation), marker.Version));
        }
    }

    private Relation? Find(uint id) => _relations.TryGetValue(id, out var relation)
        ? relation
        : throw new InvalidDataException($"it changes relation {id}, which was not described");

    private Change Change(Relation relation, ChangeOperation operation, ulong lsn, RowRef old, RowRef row) =>
        new(relation, operation, Lsn.Version(_commitLsn, lsn), _commitLsn, -1, _commitTime, old, row);

    /// <summary>
    /// COPY puts many rows into one record of the WAL, and rows without a key are told apart by their places. Each takes several bytes of
    /// its record, so that none counts up to the next one.
    /// </summary>
    private ulong PlaceOf(ulong record)
    {
        _rowsOfRecord = record == _record ? _rowsOfRecord + 1 : 0;
        _record = record;
        return record + _rowsOfRecord;
    }

    private static RowRef ReadRow(ref WireReader reader, Relation relation, ChangeBatch batch, out bool complete)
    {
        complete = true;
        var count = reader.Int16();
        if (count != relation.Columns.Count)
            throw new InvalidDataException($"it has {count} values for the {relation.Columns.Count} columns of '{relation.Table.Source}'");

        var row = batch.AddRow(count);
        for (var i = 0; i < count; i++)
        {
            switch ((char)reader.Byte())
            {
                case 'n':
                    batch.SetNull(row, i);
                    break;
                case 'u':
                    complete = false;
                    break;
                case 't':
                    batch.SetText(row, i, reader.Take(reader.Int32()));
                    break;
                case var kind:
                    throw new InvalidDataException($"it has a value of unknown kind 0x{(int)kind:x2}");
            }
        }
        return row;
    }
}
