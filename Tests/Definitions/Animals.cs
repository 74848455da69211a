using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;
using System.Linq.Expressions;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.Tests.Definitions;

/// <summary>Kinds of rows in one table, objects as JSON, and a version that is PostgreSQL's own column.</summary>
internal sealed class AnimalContext : UnconnectedContext
{
    protected override void OnModelCreating(ModelBuilder model)
    {
        model.Entity<Animal>().OwnsOne(animal => animal.Chip, chip => chip.ToJson("chip"));
        model.Entity<Animal>().OwnsOne(animal => animal.Owner, owner => owner.ToJson("owner"));
        model.Entity<Dog>();
    }
}

[Replicated, Table("animal")]
internal class Animal
{
    public int Id { get; set; }
    public required string Name { get; set; }
    [Precision(10)] public decimal Weight { get; set; }
    [Timestamp] public uint Version { get; set; }
    public Tag? Chip { get; set; }
    [Unreplicated] public Tag? Owner { get; set; }
}

internal sealed class Dog : Animal
{
    public string? Trick { get; set; }
}

internal sealed class Tag
{
    public required string Code { get; set; }
}

internal sealed record DogFact(int Id, string Name) : IFact<Dog, DogFact>
{
    public static Expression<Func<Dog, DogFact>> Row => dog => new(dog.Id, dog.Name);
}

internal sealed record LabelFact(int Id, string Label) : IFact<Animal, LabelFact>
{
    public static Expression<Func<Animal, LabelFact>> Row => animal => new(animal.Id, $"{animal.Weight:0.00} kg");
}
