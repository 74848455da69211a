using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.Tests.Definitions;

/// <summary>Entities of many types, with a self reference, two foreign keys to one table, and a composite key.</summary>
internal sealed class LibraryContext(DbContextOptions<LibraryContext> options) : DbContext(options)
{
    public DbSet<Reader> Readers => Set<Reader>();
    public DbSet<Place> Places => Set<Place>();
    public DbSet<Loan> Loans => Set<Loan>();

    public static LibraryContext Create() =>
        new(new DbContextOptionsBuilder<LibraryContext>().UseNpgsql("Host=unused").UseSnakeCaseNamingConvention().Options);

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.Entity<Place>().HasKey(place => new { place.Country, place.Zip });
        model.Entity<Reader>().HasOne(reader => reader.Home).WithMany().HasForeignKey(reader => new { reader.HomeCountry, reader.HomeZip })
            .IsRequired();
        model.Entity<Reader>().HasOne(reader => reader.Work).WithMany().HasForeignKey(reader => new { reader.WorkCountry, reader.WorkZip });
        model.Entity<Reader>().Property(reader => reader.Kind).HasConversion<string>();
        model.Entity<Loan>().ToTable("loan", "lending");
    }
}

internal enum Kind
{
    Child,
    Adult,
    Senior,
}

[Replicated, Table("place")]
internal sealed class Place
{
    public required string Country { get; set; }
    public required int Zip { get; set; }
    [Category]
    public required string Name { get; set; }
    [Precision(12, 2)]
    public decimal? Area { get; set; }
}

[Replicated, Table("reader")]
internal sealed class Reader
{
    public int Id { get; set; }
    public required string Name { get; set; }
    public string? Nick { get; set; }
    [Column(TypeName = "char(6)")]
    public required string Padded { get; set; }
    public int Score { get; set; }
    public int? Bonus { get; set; }
    public short Level { get; set; }
    public long Points { get; set; }
    [Precision(12, 2)]
    public decimal Balance { get; set; }
    [Precision(10, 4)]
    public decimal? Limit { get; set; }
    public double Ratio { get; set; }
    public double? Spread { get; set; }
    public float Weight { get; set; }
    public bool Active { get; set; }
    public bool? Vip { get; set; }
    public DateOnly? Born { get; set; }
    public DateTime Seen { get; set; }
    public DateTime? Parted { get; set; }
    public Guid Code { get; set; }
    public Kind Kind { get; set; }
    public Kind Rank { get; set; }
    [MaxLength(2)]
    public required string HomeCountry { get; set; }
    public int HomeZip { get; set; }
    public Place Home { get; set; } = null!;
    public string? WorkCountry { get; set; }
    public int? WorkZip { get; set; }
    public Place? Work { get; set; }
    public int? MentorId { get; set; }
    public Reader? Mentor { get; set; }
    [Unreplicated]
    public string? Secret { get; set; }
}

[Replicated]
internal sealed class Loan
{
    public long Id { get; set; }
    public int ReaderId { get; set; }
    public Reader Reader { get; set; } = null!;
    public int? WitnessId { get; set; }
    public Reader? Witness { get; set; }
}
