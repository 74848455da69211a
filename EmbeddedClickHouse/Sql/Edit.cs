namespace AspireCdc.EmbeddedClickHouse.Sql;

/// <summary>A part of a statement's text, and what takes its place.</summary>
internal readonly record struct Edit(Range Part, string Text);
