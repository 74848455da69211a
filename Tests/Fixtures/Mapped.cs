using AspireCdc.Star.Model;
using AspireCdc.Star.Types;

namespace AspireCdc.Tests.Fixtures;

/// <summary>Pieces of a model for a test.</summary>
internal static class Mapped
{
    /// <summary>A table whose landing table has its name.</summary>
    public static TableMapping Table(string name, params IReadOnlyList<ColumnMapping> columns) =>
        new() { Name = name, Landing = name, Columns = columns };

    /// <summary>A column of the key, of the same name on both sides unless <paramref name="landing"/> says another.</summary>
    public static ColumnMapping Key(string name, ColumnType type, string? landing = null) =>
        new(name, "", landing ?? name, type, IsKey: true);

    /// <summary>A column of the same name on both sides.</summary>
    public static ColumnMapping Column(string name, ColumnType type) => new(name, "", name, type);
}
