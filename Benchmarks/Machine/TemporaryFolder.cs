namespace AspireCdc.Benchmarks.Machine;

/// <summary>A folder of its own that is gone afterwards.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("aspirecdc-bench-");

    /// <summary>A folder in it, which need not exist yet.</summary>
    public string Of(string name) => Path.Combine(_folder.FullName, name);

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);
}
