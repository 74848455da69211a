using System.Linq.Expressions;

namespace AspireCdc.Star;

/// <summary>
/// A fact: one row for each row of <typeparamref name="TRoot"/>, with values of the rows that it points to. Its table is called like the
/// record in snake case, or as
/// <see cref="System.ComponentModel.DataAnnotations.Schema.TableAttribute"/> says, its columns likewise
/// (<see cref="System.ComponentModel.DataAnnotations.Schema.ColumnAttribute"/>).
/// </summary>
/// <typeparam name="TRoot">The entity whose rows it shows.</typeparam>
/// <typeparam name="TFact">The record itself.</typeparam>
public interface IFact<TRoot, TFact>
    where TRoot : class
    where TFact : IFact<TRoot, TFact>
{
    /// <summary>A fact's values, out of its root and what that navigates to.</summary>
    static abstract Expression<Func<TRoot, TFact>> Row { get; }
}
