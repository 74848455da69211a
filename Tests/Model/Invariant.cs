namespace AspireCdc.Tests.ModelChecking;

/// <summary>When everything is drained, ClickHouse shows what PostgreSQL holds. Keys with an open dead letter, and facts with
/// such a part, are excepted.</summary>
internal static class Invariant
{
    public static string? Violation(Postgres postgres, ClickHouse clickHouse, DeadLetters deadLetters)
    {
        var rows = postgres.Now;
        foreach (var key in rows.Keys.Union(clickHouse.Landing.Select(landed => landed.Key)).Where(key => !deadLetters.Has(key)))
            if (rows.GetValueOrDefault(key) != clickHouse.Newest(key)?.Row)
                return $"{key} is {clickHouse.Newest(key)} in ClickHouse and {rows.GetValueOrDefault(key)} in PostgreSQL";

        if (clickHouse.IsOld)
            return "the facts have their old definition";
        var facts = clickHouse.Facts.Where(fact => fact.Fact is not null).ToDictionary(fact => fact.Key, fact => fact.Fact);
        foreach (var key in rows.Keys.Where(key => key.Table is Table.Order or Table.Item).Union(facts.Keys))
            if (Join(key, out var excepted) is var expected && !excepted && expected != facts.GetValueOrDefault(key))
                return $"the fact of {key} is {facts.GetValueOrDefault(key)} in ClickHouse and {expected} in PostgreSQL";
        return null;

        Fact? Join(Key key, out bool excepted)
        {
            var incomplete = false;
            var item = key.Table == Table.Item ? Part(key) : null;
            var order = key.Table == Table.Order ? Part(key) : item is null ? null : Part(new(Table.Order, item.Parent));
            var customer = order is null ? null : Part(new(Table.Customer, order.Parent));
            var referrer = customer?.Referrer is { } sentBy ? Part(sentBy) : null;
            var product = item is null ? null : Part(new(Table.Product, item.Product));
            excepted = incomplete;
            if (order is null || customer is null)
                return null;
            return key.Table == Table.Order ? new(order, null, customer, null, referrer)
                : item is not null && product is not null ? new(item, order, customer, product, referrer) : null;

            Row? Part(Key part)
            {
                incomplete |= deadLetters.Has(part);
                return rows.GetValueOrDefault(part);
            }
        }
    }
}
