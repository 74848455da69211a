namespace AspireCdc.Tests.ModelChecking;

internal enum Table
{
    Customer,
    Product,
    Order,
    Item,
}

/// <summary>A primary key. The ids are few, so that histories meet the same key again and again.</summary>
internal readonly record struct Key(Table Table, int Id)
{
    public override string ToString() => $"{Table} {Id}";
}

/// <summary>
/// A row: a value, a long text (the column that PostgreSQL may leave out of an update as unchanged TOAST), and what it refers to:
/// an order its customer (<paramref name="Parent"/>), an item its order (<paramref name="Parent"/>) and its <paramref name="Product"/>, a
/// customer perhaps another one (<see cref="Referrer"/>), so that a fact shows one table twice, four levels deep, and shows while that row
/// is not there. An unreadable row stands for a value that ClickHouse cannot hold: it becomes a dead letter, and a retry succeeds.
/// </summary>
internal sealed record Row(int Value, int Text, int Parent, int Product, bool Unreadable)
{
    /// <summary>A customer's: who has sent it; null for one in three.</summary>
    public Key? Referrer => Product == 3 ? null : new(Table.Customer, Product);
}

/// <summary>What a fact shows: its own row and those that it is joined with.</summary>
internal sealed record Fact(Row Own, Row? Order, Row Customer, Row? Product, Row? Referrer);
