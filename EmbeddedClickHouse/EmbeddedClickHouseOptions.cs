using AspireCdc.EmbeddedClickHouse.Engine;
using Microsoft.Extensions.Options;

namespace AspireCdc.EmbeddedClickHouse;

/// <summary>What the server needs to know; configuration section <c>EmbeddedClickHouse</c>.</summary>
public sealed record EmbeddedClickHouseOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "EmbeddedClickHouse";

    /// <summary>Path of <c>libchdb.so</c>, the ClickHouse engine as a library.</summary>
    public string Library { get; set; } = "";

    /// <summary>Folder that keeps the tables. One process at a time may open it.</summary>
    public string Data { get; set; } = "";

    /// <summary>The one user that is served.</summary>
    public string Username { get; set; } = "default";

    /// <summary>The user's password; empty means none.</summary>
    public string Password { get; set; } = "";

    /// <summary>The database of a request that names none; created at start if it is not there.</summary>
    public string Database { get; set; } = "default";

    /// <summary>
    /// What queries may reach outside of this server, by ClickHouse's names of sources, with commas: <c>URL,POSTGRES</c>. By default
    /// nothing: a query cannot call other machines.
    /// </summary>
    public string Sources { get; set; } = "";

    internal IReadOnlyList<string> SourceNames =>
        Sources.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

internal sealed class EmbeddedClickHouseOptionsValidator : IValidateOptions<EmbeddedClickHouseOptions>
{
    public ValidateOptionsResult Validate(string? name, EmbeddedClickHouseOptions options)
    {
        var failures = new List<string>();
        if (options.Library.Length == 0)
            failures.Add(
                "EmbeddedClickHouse:Library is not set: give the path of libchdb.so (environment variable EmbeddedClickHouse__Library).");
        else if (!File.Exists(options.Library))
            failures.Add($"EmbeddedClickHouse:Library names no file: there is no '{options.Library}'. Give the path of libchdb.so.");
        if (options.Data.Length == 0)
            failures.Add(
                "EmbeddedClickHouse:Data is not set: give the folder that keeps the tables " +
                "(environment variable EmbeddedClickHouse__Data).");
        if (options.Username.Length == 0)
            failures.Add("EmbeddedClickHouse:Username is empty: name the user that clients log in as.");
        if (options.Database.Length == 0)
            failures.Add("EmbeddedClickHouse:Database is empty: name the database that is used when a request names none.");
        foreach (var source in options.SourceNames.Where(source => !Source.IsKnown(source)))
            failures.Add($"EmbeddedClickHouse:Sources has '{source}', which is none: it takes {string.Join(", ", Source.Names)}.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
