using AspireCdc.AppHost.Deployment;

namespace AspireCdc.AppHost;

internal static partial class Publishing
{
    static partial void AddTargets(Dictionary<string, Action> targets, IDistributedApplicationBuilder builder, Ports ports)
    {
        targets["compose"] = () => builder.AddCompose(ports);
        targets["kubernetes"] = builder.AddKubernetes;
    }
}
