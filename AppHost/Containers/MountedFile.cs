using Aspire.Hosting.Kubernetes;
using Aspire.Hosting.Kubernetes.Resources;

namespace AspireCdc.AppHost.Containers;

internal static class MountedFile
{
    /// <summary>
    /// Puts a file of the repository into a container: copied when it runs here, beside the compose file when deployed by that, as a config map in
    /// Kubernetes, whose publisher does not know container files.
    /// </summary>
    public static IResourceBuilder<T> WithFile<T>(this IResourceBuilder<T> builder, string source, string folder, string name) where T : ContainerResource
    {
        var path = Path.GetFullPath(source, builder.ApplicationBuilder.AppHostDirectory);
        if (!builder.ApplicationBuilder.Resources.OfType<KubernetesEnvironmentResource>().Any())
            return builder.WithContainerFiles(folder, [new ContainerFile { Name = name, SourcePath = path }]);
        return builder.PublishAsKubernetesService(kubernetes =>
        {
            var map = $"{builder.Resource.Name}-file";
            kubernetes.AdditionalResources.Add(new ConfigMap { Metadata = { Name = map }, Data = { [name] = File.ReadAllText(path) } });
            var pod = kubernetes.Workload!.PodTemplate.Spec;
            pod.Volumes.Add(new VolumeV1 { Name = map, ConfigMap = new() { Name = map } });
            pod.Containers[0].VolumeMounts.Add(new VolumeMountV1 { Name = map, MountPath = $"{folder}/{name}", SubPath = name, ReadOnly = true });
        });
    }
}
