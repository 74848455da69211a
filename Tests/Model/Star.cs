using System.Numerics;

namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// Derives facts from landing: which facts show a key that changed, what they show now, and at which version. Every read is one query, and
/// the world may move between two of them.
/// </summary>
internal sealed class Star(ClickHouse clickHouse, Rule broken)
{
    /// <summary>The newest landing rows of one fact's parts, each read in a query of its own.</summary>
    private sealed class Parts(Key fact)
    {
        public Key Fact => fact;
        public Landed? Item, Order, Customer, Product, Referrer;
    }

    /// <summary>The version of a fact where several readers derive it: lexicographic, level by level from the fact's own row on, the
    /// parts of one level summed.</summary>
    private static BigInteger Lexicographic(Parts fact, Rule broken)
    {
        BigInteger i = Of(fact.Item), o = Of(fact.Order), c = Of(fact.Customer), p = Of(fact.Product), r = Of(fact.Referrer);
        if (broken == Rule.MissingPartCounts && fact.Referrer?.Row is null)
            r = 0;
        return broken switch
        {
            Rule.StarVersionIsNoSum => i + o + c + p + r,
            Rule.StarVersionIsNoMaximum => BigInteger.Max(BigInteger.Max(i, o), BigInteger.Max(BigInteger.Max(c, p), r)),
            Rule.PartsThatPointComeFirst => (i << 192) + o + p + c + r,
            _ => (i << 192) + ((o + p) << 128) + (c << 64) + r,
        };

        static BigInteger Of(Landed? part) => part?.Version ?? 0;
    }

    /// <summary>Reads what <paramref name="touched"/> reaches, then writes those facts. <paramref name="position"/> is their version, or
    /// null for the lexicographic one.</summary>
    public IEnumerable<Write> Derive(IReadOnlyCollection<Key> touched, UInt128? position, Func<Key, Landed?>? newest = null)
    {
        var reached = new HashSet<Key>();
        foreach (var step in Reach(touched, reached))
            yield return step;
        foreach (var step in Put(reached, position, newest ?? clickHouse.Newest, newest ?? clickHouse.Newest))
            yield return step;
    }

    /// <summary>Adds to <paramref name="reached"/> what shows one of <paramref name="touched"/>, facts of their own among them.</summary>
    public IEnumerable<Write> Reach(IReadOnlyCollection<Key> touched, HashSet<Key> reached)
    {
        // Which customers show these as their referrers; which orders show all of them; which items show these products, and those orders.
        var customers = touched.Where(key => key.Table == Table.Customer).ToHashSet();
        if (broken != Rule.EveryAliasIsFollowed)
            customers.UnionWith([.. clickHouse.Landing.Where(row => row.Key.Table == Table.Customer && row.Row?.Referrer is { } referrer
                && customers.Contains(referrer)).Select(row => row.Key)]);
        yield return Write.Pause;
        var orders = touched.Where(key => key.Table == Table.Order)
            .Union(clickHouse.Landing.Where(row => row.Key.Table == Table.Order && row.Row is { } order
                && customers.Contains(new(Table.Customer, order.Parent))).Select(row => row.Key))
            .ToHashSet();
        yield return Write.Pause;
        var items = touched.Where(key => key.Table == Table.Item)
            .Union(clickHouse.Landing.Where(row => row.Key.Table == Table.Item && row.Row is { } item
                && (orders.Contains(new(Table.Order, item.Parent)) || touched.Contains(new(Table.Product, item.Product))))
                .Select(row => row.Key));
        reached.UnionWith(orders.Union(items));
        yield return Write.Pause;
    }

    /// <summary>Reads what these facts show, level by level, and writes them.</summary>
    /// <param name="keys">Their roots.</param>
    /// <param name="position">Their version, or null for the lexicographic one.</param>
    /// <param name="own">The newest row of a root.</param>
    /// <param name="newest">The newest row of what it points to.</param>
    public IEnumerable<Write> Put(IEnumerable<Key> keys, UInt128? position, Func<Key, Landed?> own, Func<Key, Landed?> newest)
    {
        var facts = keys.Select(key => new Parts(key)).ToArray();
        foreach (var fact in facts.Where(fact => fact.Fact.Table == Table.Item))
            fact.Item = own(fact.Fact);
        yield return Write.Pause;
        foreach (var fact in facts)
            fact.Order = fact.Fact.Table == Table.Order ? own(fact.Fact) : Referred(fact.Item, Table.Order);
        yield return Write.Pause;
        foreach (var fact in facts)
            fact.Customer = Referred(fact.Order, Table.Customer);
        yield return Write.Pause;
        foreach (var fact in facts)
            fact.Referrer = fact.Customer?.Row?.Referrer is { } referrer ? newest(referrer) : null;
        yield return Write.Pause;
        foreach (var fact in facts)
            fact.Product = fact.Item?.Row is { } item ? newest(new(Table.Product, item.Product)) : null;

        var rows = facts.Select(fact => new Derived(fact.Fact, Version(fact), Shown(fact)));
        if (broken == Rule.HiddenFactIsATombstone)
            rows = rows.Where(row => row.Fact is not null);
        yield return Write.Of(rows);

        Landed? Referred(Landed? from, Table to) => from?.Row is { } row ? newest(new(to, row.Parent)) : null;

        BigInteger Version(Parts fact) => position is { } version && broken is not (Rule.StarVersionIsNoSum or Rule.StarVersionIsNoMaximum)
            ? version
            : Lexicographic(fact, broken);
    }

    /// <summary>A fact shows only if all of its parts are there, but for the referrer, which is optional.</summary>
    private static Fact? Shown(Parts fact) => fact.Fact.Table == Table.Order
        ? fact is { Order.Row: { } order, Customer.Row: { } customer } ? new(order, null, customer, null, fact.Referrer?.Row) : null
        : fact is { Item.Row: { } item, Order.Row: { } itsOrder, Customer.Row: { } itsCustomer, Product.Row: { } product }
        ? new(item, itsOrder, itsCustomer, product, fact.Referrer?.Row)
        : null;
}
