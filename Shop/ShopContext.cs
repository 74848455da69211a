using System.ComponentModel;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace AspireCdc.Shop;

/// <summary>
/// The tables, one per entity in singular lower case. What the entities say by attributes (lengths, money, defaults) holds here as well; no
/// entity is named twice.
/// </summary>
internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    public DbSet<Customer> Customers => Set<Customer>();
    public DbSet<Product> Products => Set<Product>();
    public DbSet<Order> Orders => Set<Order>();
    public DbSet<OrderItem> OrderItems => Set<OrderItem>();
    public DbSet<IdempotencyKey> IdempotencyKeys => Set<IdempotencyKey>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        var entities = modelBuilder.Model.GetEntityTypes().Select(entity => modelBuilder.Entity(entity.ClrType)).ToArray();
        foreach (var entity in entities)
            entity.ToTable(TableName(entity.Metadata.ClrType));
        // Their names are made of both tables', one of which may have been called otherwise when they were.
        foreach (var key in entities.SelectMany(entity => entity.Metadata.GetForeignKeys()))
            key.SetConstraintName(key.GetDefaultName()!.ToLowerInvariant());
        foreach (var entity in entities)
            foreach (var property in entity.Metadata.ClrType.GetProperties())
                Configure(entity, property);
    }

    /// <summary>As the seed names its tables: <c>orderitem</c>; what is not replicated has snake case like the columns.</summary>
    private static string TableName(Type entity) => entity == typeof(IdempotencyKey) ? "idempotency_key" : entity.Name.ToLowerInvariant();

    private static void Configure(EntityTypeBuilder builder, PropertyInfo property)
    {
        if (property.IsDefined(typeof(DefaultsToNowAttribute)))
            builder.Property(property.Name).HasDefaultValueSql("now()");
        if (property.IsDefined(typeof(MoneyAttribute)))
            builder.Property(property.Name).HasPrecision(MoneyAttribute.Precision, MoneyAttribute.Scale);
        if (property.GetCustomAttribute<DefaultValueAttribute>() is { } initial)
            builder.Property(property.Name).HasDefaultValue(initial.Value);
        if (property.IsDefined(typeof(PositiveAttribute)))
        {
            var column = builder.Property(property.Name).Metadata.GetColumnName();
            builder.ToTable(table => table.HasCheckConstraint($"ck_{builder.Metadata.GetTableName()}_{column}_positive", $"{column} > 0"));
        }
        // An entity's own list of rows always comes with it.
        if (builder.Metadata.FindNavigation(property.Name) is { IsCollection: true } list)
            list.SetIsEagerLoaded(true);
    }
}
