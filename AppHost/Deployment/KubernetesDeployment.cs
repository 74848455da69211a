using Aspire.Hosting.Kubernetes;
using Aspire.Hosting.Kubernetes.Resources;

namespace AspireCdc.AppHost.Deployment;

/// <summary>What Aspire does not write into a Helm chart by itself: jobs, probes, and files of the databases that outlive a pod.</summary>
internal static class KubernetesDeployment
{
    /// <summary>The group that Redpanda's image runs as.</summary>
    private const long RedpandaGroup = 101;

    public static void AddKubernetes(this IDistributedApplicationBuilder builder)
    {
        builder.AddKubernetesEnvironment("kubernetes").WithProperties(cluster =>
        {
            cluster.DefaultStorageType = "pvc";
            cluster.DefaultStorageSize = "10Gi";
        });
        builder.Eventing.Subscribe<BeforeStartEvent>(async (start, cancellationToken) =>
        {
            foreach (var resource in start.Model.Resources.OfType<IComputeResource>())
            {
                var files = await FilesAsync(resource, start.Services, cancellationToken);
                resource.Annotations.Add(new KubernetesServiceCustomizationAnnotation(kubernetes =>
                {
                    Complete(resource, kubernetes);
                    Mount(resource, kubernetes, files);
                }));
            }
        });
    }

    /// <summary>The repository's files that a container gets, each with its path there; Aspire's publisher leaves them out.</summary>
    private static async Task<IReadOnlyList<(string Path, string Text)>> FilesAsync(
        IResource resource, IServiceProvider services, CancellationToken cancellationToken)
    {
        var files = new List<(string, string)>();
        foreach (var annotation in resource.Annotations.OfType<ContainerFileSystemCallbackAnnotation>())
        {
            foreach (var file in (await annotation.Callback(new() { Model = resource, Services = services }, cancellationToken))
                .OfType<ContainerFile>())
                files.Add(($"{annotation.DestinationPath}/{file.Name}", await File.ReadAllTextAsync(file.SourcePath!, cancellationToken)));
        }

        return files;
    }

    /// <summary>As a config map.</summary>
    private static void Mount(IResource resource, KubernetesResource kubernetes, IReadOnlyList<(string Path, string Text)> files)
    {
        foreach (var (path, text) in files)
        {
            var (map, name) = ($"{resource.Name}-file", Path.GetFileName(path));
            kubernetes.AdditionalResources.Add(new ConfigMap { Metadata = { Name = map }, Data = { [name] = text } });
            var pod = kubernetes.Workload!.PodTemplate.Spec;
            pod.Volumes.Add(new VolumeV1 { Name = map, ConfigMap = new() { Name = map } });
            pod.Containers[0].VolumeMounts.Add(new VolumeMountV1 { Name = map, MountPath = path, SubPath = name, ReadOnly = true });
        }
    }

    private static void Complete(IResource resource, KubernetesResource kubernetes)
    {
        if (kubernetes.Workload?.PodTemplate is not { } template)
            return;
        var container = template.Spec.Containers[0];
        // Files, and a replication slot, have one owner at a time.
        if (resource.Name is "clickhouse" or "connector")
            ((Aspire.Hosting.Kubernetes.Resources.Deployment)kubernetes.Workload).Spec.Strategy =
                new() { Type = "Recreate", RollingUpdate = null! };
        switch (resource.Name)
        {
            case var name when Publishing.Migrations.Contains(name):
                kubernetes.Workload = new Job(name, template);
                break;
            case "postgres":
                container.ReadinessProbe = Probe(new ProbeV1 { Exec = new() { Command = { "pg_isready", "--username", "postgres" } } });
                break;
            case "clickhouse":
                container.ReadinessProbe = Get("/ping");
                break;
            case "redpanda":
                container.ReadinessProbe = Get("/v1/status/ready", "admin");
                (template.Spec.SecurityContext ??= new()).FsGroup = RedpandaGroup;
                break;
            case "connector" when resource is ContainerResource:
                container.ReadinessProbe = Get("/ready");
                break;
            default:
                if (resource is ProjectResource)
                    (container.ReadinessProbe, container.LivenessProbe) = (Get("/ready"), Get("/alive"));
                break;
        }
    }

    private static ProbeV1 Get(string path, string port = "http") =>
        Probe(new ProbeV1 { HttpGet = new() { Path = path, Port = port, Scheme = "HTTP" } });

    private static ProbeV1 Probe(ProbeV1 probe)
    {
        (probe.PeriodSeconds, probe.TimeoutSeconds, probe.FailureThreshold) = (5, 5, 6);
        return probe;
    }

    /// <summary>Runs a pod until it has ended well; each release has its own, since a job's pod cannot be changed.</summary>
    private sealed class Job : Workload
    {
        public Job(string name, PodTemplateSpecV1 template) : base("batch/v1", "Job")
        {
            Metadata.Name = $"{name}-job-{{{{ .Release.Revision }}}}";
            foreach (var (label, value) in template.Metadata.Labels)
                Metadata.Labels[label] = value;
            template.Spec.RestartPolicy = "OnFailure";
            Spec = new(template);
        }

        public JobSpec Spec { get; }

        public override PodTemplateSpecV1 PodTemplate => Spec.Template;
    }

    /// <param name="Template">The pod.</param>
    private sealed record JobSpec(PodTemplateSpecV1 Template)
    {
        /// <summary>Until the database answers it fails and starts again, after 10 s, 20 s, 40 s, … five minutes at most.</summary>
        public int BackoffLimit => 10;
    }
}
