namespace Microsoft.Extensions.Hosting;

internal static class ConnectionStrings
{
    public static string Require(string? connectionString, string name) => !string.IsNullOrEmpty(connectionString)
        ? connectionString
        : throw new InvalidOperationException($"There is no connection string '{name}': set ConnectionStrings__{name}.");
}
