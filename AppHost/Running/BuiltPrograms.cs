using System.Reflection;
using System.Runtime.InteropServices;

namespace AspireCdc.AppHost.Running;

/// <summary>
/// Starts the projects' programs as they were built with AppHost. Aspire would start a <c>dotnet run --no-build</c> for each, which takes
/// seconds and 75 MB beside the program.
/// </summary>
internal static class BuiltPrograms
{
    /// <summary>The projects' output folder, relative to each; AppHost.csproj writes it down.</summary>
    private const string OutputFolder = "OutputPath";

    public static void StartBuiltPrograms(this IDistributedApplicationBuilder builder)
    {
        var output = typeof(BuiltPrograms).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == OutputFolder).Value!;
        // A program finds .NET where this one has, also where that is no place that it would look in.
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        builder.Eventing.Subscribe<BeforeStartEvent>((start, _) =>
        {
            foreach (var project in start.Model.Resources.OfType<ProjectResource>())
            {
                var file = project.GetProjectMetadata().ProjectPath;
                var folder = Path.GetDirectoryName(file)!;
                var program =
                    Path.Combine(folder, output, Path.GetFileNameWithoutExtension(file) + (OperatingSystem.IsWindows() ? ".exe" : ""));
                // An IDE that debugs the project starts it by itself all the same.
                if (!File.Exists(program))
                    continue;
                project.Annotations.Add(new ExecutableAnnotation { Command = program, WorkingDirectory = folder });
                project.Annotations.Add(new EnvironmentCallbackAnnotation(variables => variables["DOTNET_ROOT"] = dotnet));
            }

            return Task.CompletedTask;
        });
    }
}
