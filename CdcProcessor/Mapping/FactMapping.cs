namespace AspireCdc.CdcProcessor.Mapping;

/// <summary>One denormalised table: a row for each row of its root, with columns of the rows that it points to.</summary>
/// <param name="Table">The table in ClickHouse; its key columns are named like those of the root's landing table.</param>
/// <param name="Root">The source table whose rows it shows.</param>
/// <param name="Parents">The tables that it shows beside the root, nearest first. A fact shows only while all of them are there.</param>
/// <param name="Columns">Its columns; the root's key first.</param>
internal sealed record FactMapping(string Table, string Root, IReadOnlyList<ParentMapping> Parents, IReadOnlyList<FactColumn> Columns);

/// <summary>A row that a fact shows beside its root's.</summary>
/// <param name="Table">The source table.</param>
/// <param name="Child">The source table that points to it: the root, or another parent.</param>
/// <param name="Via">The pointing column, as the child's landing table names it.</param>
/// <param name="Companion">The ClickHouse table that holds (<paramref name="Via"/>, the child's key) in this order, so that a parent finds its children.</param>
internal sealed record ParentMapping(string Table, string Child, string Via, string Companion);

/// <summary>A column of a fact.</summary>
/// <param name="Name">Its name in the fact table.</param>
/// <param name="Expression">Its value in ClickHouse's SQL, where each landing row goes by the name of its source table.</param>
internal sealed record FactColumn(string Name, string Expression);
