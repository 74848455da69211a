using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace AspireCdc.ClickHouseMigrator.Definitions;

/// <summary>The context of an assembly, as <c>dotnet ef</c> finds it: by its factory, or by its constructor that takes options.</summary>
internal static class DesignTimeContext
{
    /// <summary>Makes it; nothing is connected.</summary>
    /// <exception cref="DefinitionException">There is none, or several without a factory.</exception>
    public static DbContext Create(Assembly assembly)
    {
        var types = assembly.GetTypes();
        var made = types.Where(type => !type.IsAbstract).SelectMany(type => type.GetInterfaces(), (type, of) => (type, of))
            .Where(pair => pair.of.IsGenericType && pair.of.GetGenericTypeDefinition() == typeof(IDesignTimeDbContextFactory<>)).ToList();
        if (made is [var factory])
            return (DbContext)factory.of.GetMethod(nameof(IDesignTimeDbContextFactory<>.CreateDbContext))!.Invoke(
                Activator.CreateInstance(factory.type, nonPublic: true), [Array.Empty<string>()])!;

        var contexts = types.Where(type => type.IsSubclassOf(typeof(DbContext)) && !type.IsAbstract).ToList();
        return made.Count == 0 && contexts is [var only] && only.GetConstructors(
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance).FirstOrDefault(TakesOptions) is { } constructor
            ? (DbContext)constructor.Invoke([OptionsFor(only)])
            : throw new DefinitionException(
                [$"{assembly.GetName().Name} has {contexts.Count} contexts and {made.Count} factories: it needs one " +
                    "IDesignTimeDbContextFactory, or one context that takes its options"]);
    }

    private static bool TakesOptions(ConstructorInfo constructor) =>
        constructor.GetParameters() is [var only] && only.ParameterType.IsAssignableTo(typeof(DbContextOptions));

    private static DbContextOptions OptionsFor(Type context)
    {
        var builder = (DbContextOptionsBuilder)Activator.CreateInstance(typeof(DbContextOptionsBuilder<>).MakeGenericType(context))!;
        return builder.UseNpgsql().Options;
    }
}
