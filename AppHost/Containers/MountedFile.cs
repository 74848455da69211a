namespace AspireCdc.AppHost.Containers;

internal static class MountedFile
{
    /// <summary>Copies a file of the repository into a container; one that is deployed by a compose file finds it beside that.</summary>
    /// <param name="builder">The container.</param>
    /// <param name="source">The file, from AppHost's folder.</param>
    /// <param name="folder">Its folder in the container.</param>
    /// <param name="name">Its name there.</param>
    public static IResourceBuilder<T> WithFile<T>(this IResourceBuilder<T> builder, string source, string folder, string name)
        where T : ContainerResource =>
        builder.WithContainerFiles(folder,
            [new ContainerFile { Name = name, SourcePath = Path.GetFullPath(source, builder.ApplicationBuilder.AppHostDirectory) }]);
}
