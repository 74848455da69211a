namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>A value for <c>{name:Type}</c> in a query.</summary>
internal readonly record struct QueryParameter(string Name, string Value);
