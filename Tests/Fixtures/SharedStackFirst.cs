using AspireCdc.Tests.AppHost;
using Xunit.Sdk;
using Xunit.v3;

[assembly: Xunit.TestCollectionOrderer(typeof(AspireCdc.Tests.Fixtures.SharedStackFirst))]

namespace AspireCdc.Tests.Fixtures;

/// <summary>
/// Begins with the tests of the shared graph: they run one after the other, and at the end they would run alone.
/// </summary>
public sealed class SharedStackFirst : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => collection.TestCollectionDisplayName != SharedStack.Collection)];
}
