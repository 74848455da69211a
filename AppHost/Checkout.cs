namespace AspireCdc.AppHost;

/// <summary>Folders of the checkout.</summary>
internal static class Checkout
{
    public static string AppHostFolder { get; } = Projects.AppHost.ProjectPath;

    public static string Root { get; } = Path.GetDirectoryName(AppHostFolder)!;
}
