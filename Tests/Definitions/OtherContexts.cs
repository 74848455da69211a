using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;
using System.Linq.Expressions;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace AspireCdc.Tests.Definitions;

/// <summary>A small context that is never connected.</summary>
internal abstract class UnconnectedContext : DbContext
{
    protected override void OnConfiguring(DbContextOptionsBuilder options) =>
        options.UseNpgsql("Host=unused").UseSnakeCaseNamingConvention();
}

[Dropped("shelf")]
internal sealed class RenamedContext : UnconnectedContext
{
    public DbSet<Item> Items => Set<Item>();
}

[Replicated, Table("item"), WasCalled("article"), Dropped("colour")]
internal sealed class Item
{
    public int Id { get; set; }
    [WasCalled("name")]
    public required string Title { get; set; }
}

[WasCalled("old_fact")]
internal sealed record Renamed(int Id) : IFact<Item, Renamed>
{
    public static Expression<Func<Item, Renamed>> Row => item => new(item.Id);
}

internal sealed class ScaffoldedContext : UnconnectedContext
{
    protected override void OnModelCreating(ModelBuilder model) => model.Entity<RecordingP2026>().ToTable("recording");
}

/// <summary>As <c>dotnet ef dbcontext scaffold</c> writes it, of a partition, since it leaves out the partitioned table.</summary>
internal partial class RecordingP2026
{
    public int Id { get; set; }
    public string? Rating { get; set; }
    public decimal? Score { get; set; }
    public string? Password { get; set; }
    public NpgsqlTsVector Words { get; set; } = null!;
}

/// <summary>What is written beside it.</summary>
[Replicated, MetadataType(typeof(RecordingMarks))]
internal partial class RecordingP2026;

internal sealed class RecordingMarks
{
    [Category] public object? Rating { get; }
    [ClickHouseType("String")] public object? Score { get; }
    [Unreplicated] public object? Password { get; }
}

internal sealed class KeylessContext : UnconnectedContext
{
    protected override void OnModelCreating(ModelBuilder model)
    {
        model.Entity<Note>().HasNoKey().ToTable("note");
        model.Entity<View>().HasNoKey().ToTable("view");
    }
}

[Replicated]
internal sealed class Note
{
    public string? Text { get; set; }
}

[Replicated(AppendOnly = true)]
internal sealed class View
{
    public required string Url { get; set; }
}

internal sealed record ViewFact(string Url) : IFact<View, ViewFact>
{
    public static Expression<Func<View, ViewFact>> Row => view => new(view.Url);
}

internal sealed class PointingContext : UnconnectedContext
{
    protected override void OnModelCreating(ModelBuilder model)
    {
        model.Entity<Pointing>().HasOne(pointing => pointing.ByCode).WithMany().HasForeignKey(pointing => pointing.Code)
            .HasPrincipalKey(target => target.Code);
        model.Entity<Pointing>().HasOne(pointing => pointing.Hidden).WithMany().HasForeignKey(pointing => pointing.HiddenId);
        model.Entity<Pointing>().HasMany(pointing => pointing.Points).WithOne().HasForeignKey(target => target.PointingId);
    }
}

[Replicated]
internal sealed class Pointing
{
    public int Id { get; set; }
    public required string Code { get; set; }
    public Target ByCode { get; set; } = null!;
    public int HiddenId { get; set; }
    public Hidden Hidden { get; set; } = null!;
    public List<Target> Points { get; set; } = [];
}

[Replicated]
internal sealed class Target
{
    public int Id { get; set; }
    public required string Code { get; set; }
    public int PointingId { get; set; }
}

internal sealed class Hidden
{
    public int Id { get; set; }
    public required string Name { get; set; }
}

internal sealed record PointingFact : IFact<Pointing, PointingFact>
{
    public required int Id { get; init; }
    public required int ByCode { get; init; }
    public required string Hidden { get; init; }
    public required int Count { get; init; }
    public static Expression<Func<Pointing, PointingFact>> Row => pointing => new()
    {
        Id = pointing.Id,
        ByCode = pointing.ByCode.Id,
        Hidden = pointing.Hidden.Name,
        Count = pointing.Points.Count,
    };
}
