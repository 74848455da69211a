using System.Globalization;
using AspireCdc.Star.ClickHouse;
using AspireCdc.Star.Model;

namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>The statements that write one landing table.</summary>
internal sealed class LandingTable
{
    private readonly string _name;
    private readonly string _key;

    public LandingTable(TableMapping mapping)
    {
        Mapping = mapping;
        _name = ClickHouseSql.Name(mapping.Landing);
        KeyColumns = [.. mapping.Key.Select(column => ClickHouseSql.Name(mapping.Columns[column].Landing))];
        _key = string.Join(", ", KeyColumns);
        var columns = mapping.Columns.Select(column => column.Landing).Concat(SystemColumns.Landing);
        var insert = $"INSERT INTO {_name} ({ClickHouseSql.Names(columns)})";
        Insert = insert + Settings(JsonSettings(mapping));
        InsertWithStatistics = insert + Settings([.. JsonSettings(mapping), "materialize_statistics_on_insert = 1"]);
    }

    public TableMapping Mapping { get; }

    public IReadOnlyList<string> KeyColumns { get; }

    /// <summary>Takes <see cref="LandingRows"/>, as <see cref="LandingRows.Format"/>.</summary>
    public string Insert { get; }

    /// <summary>
    /// The same where the rows are to be found by their versions (<see cref="VersionStatistics"/>). Companions that its views fill get
    /// statistics as well.
    /// </summary>
    public string InsertWithStatistics { get; }

    /// <summary>Selects the greatest commit LSN of its rows.</summary>
    public string LastLsn => $"SELECT max(lsn) AS lsn FROM {_name}";

    /// <summary>
    /// Tombstones at <paramref name="version"/> for all keys whose newest row is not above it, deleted or not. Behind Kafka, for those
    /// that this partition brought.
    /// </summary>
    public string Truncate(UInt128 version, ulong lsn, int partition) =>
        Mapping.AppendOnly ? Delete($"version <= {Number(version)}", partition)
        : Clear(version, $"newest <= {Number(version)}", lsn, partition);

    /// <summary>
    /// Tombstones at <paramref name="version"/> for all keys whose newest row is older than <paramref name="bound"/>: those that a copy
    /// did not find. What it found and could not write
    /// waits as a dead letter, and its key keeps its last good row: <paramref name="kept"/> names these keys, null where there are none.
    /// Rows without a key have all come once more, under other versions: those that are older go.
    /// </summary>
    public string Sweep(UInt128 version, UInt128 bound, ulong lsn, int partition, string? kept) => Mapping.AppendOnly
        ? Delete($"version < {Number(bound)}", partition)
        : Clear(version, $"newest < {Number(bound)} AND NOT gone{(kept is null ? "" : $" AND ({_key}) NOT IN {kept}")}", lsn, partition);

    private string Delete(string which, int partition) =>
        $"DELETE FROM {_name} WHERE source_partition = {partition.ToString(CultureInfo.InvariantCulture)} AND {which}";

    private string Clear(UInt128 version, string which, ulong lsn, int partition) =>
        $"""
        INSERT INTO {_name} ({_key}, is_deleted, source_partition, lsn, version)
        SELECT {_key}, 1, {partition.ToString(CultureInfo.InvariantCulture)}, {lsn.ToString(CultureInfo.InvariantCulture)},
            {Number(version)}
        FROM
        (
            SELECT {_key}, max(version) AS newest, argMax(is_deleted, version) AS gone, argMax(source_partition, version) AS brought_by
            FROM {_name}
            GROUP BY {_key}
        )
        WHERE {which} AND brought_by = {partition.ToString(CultureInfo.InvariantCulture)}
        SETTINGS max_bytes_before_external_group_by = 100000000
        """;

    /// <summary>JSON travels as its text, and strings in it that look like times stay strings.</summary>
    private static IReadOnlyList<string> JsonSettings(TableMapping mapping) => ShownColumns.HasJson(mapping)
        ? ["input_format_binary_read_json_as_string = 1", ShownColumns.JsonSettings]
        : [];

    private static string Settings(IReadOnlyList<string> settings) =>
        settings.Count == 0 ? "" : $" SETTINGS {string.Join(", ", settings)}";

    private static string Number(UInt128 version) => $"toUInt128('{version.ToString(CultureInfo.InvariantCulture)}')";
}
