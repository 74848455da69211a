using AspireCdc.AppHost.Embedded;

namespace AspireCdc.AppHost.Doctor;

/// <summary>What has to be right before anything starts: disk, folder, ports.</summary>
internal static class MachineChecks
{
    private const string Part = "machine";

    public static async Task<IReadOnlyList<Finding>> ExamineAsync(Patient patient, CancellationToken cancellationToken) =>
    [
        Disk(patient.Folder, new DriveInfo(Existing(patient.Folder)).AvailableFreeSpace, patient.Limits.FreeBytes),
        Version(patient.Folder),
        Running(patient),
        .. patient.IsRunning ? [] : await PortsAsync(patient.Ports, cancellationToken),
    ];

    private static Finding Disk(string folder, long free, long least) => free >= least
        ? new(Part, "disk", Verdict.Well, $"{free >> 20:N0} MB are free for {folder}")
        : new(
            Part, "disk", Verdict.Ill, $"only {free >> 20:N0} MB are free for {folder}",
            "free some, or choose a folder on another disk: --state FOLDER");

    private static Finding Version(string folder)
    {
        var file = Path.Combine(folder, "postgres", "PG_VERSION");
        if (!File.Exists(file))
            return new(Part, "databases' files", Verdict.Well, "none yet: the first start makes them");
        var made = File.ReadAllText(file).Trim();
        return EmbeddedBinaries.FindInstalled(Checkout.AppHostFolder) is { } binaries && made != binaries.PostgresVersion
            ? new(
                Part, "databases' files", Verdict.Ill,
                $"those in {folder} are of PostgreSQL {made}, and this is PostgreSQL {binaries.PostgresVersion}",
                "start with --reset (empty), or choose another folder: --state FOLDER")
            : new(Part, "databases' files", Verdict.Well, $"PostgreSQL {made}");
    }

    private static Finding Running(Patient patient) =>
        patient.IsRunning ? new(Part, "stack", Verdict.Well, $"AppHost runs on {patient.Folder}")
        : StackState.WasLeft(patient.Folder) is { } left ? new(
            Part, "stack", Verdict.Ill, $"the last AppHost on {patient.Folder} (process {left}) was killed and left its state behind",
            "dotnet run --project AppHost, which puts that in order")
        : new(Part, "stack", Verdict.Ill, $"no AppHost runs on {patient.Folder}", "dotnet run --project AppHost");

    private static async Task<IEnumerable<Finding>> PortsAsync(Ports ports, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        foreach (var (name, port) in ports.Fixed(withKafka: false).Where(port => Ports.IsTaken(port.Port)))
        {
            var holder = await PortHolder.FindAsync(port, cancellationToken);
            findings.Add(new(
                Part, "ports", Verdict.Ill, $"port {port} for {name} is taken{(holder is null ? "" : $" by {holder}")}",
                $"stop that, or choose another port: --Ports:{name}={port + 1}"));
        }
        return findings is [] ? [new(Part, "ports", Verdict.Well, "all are free")] : findings;
    }

    private static string Existing(string folder) =>
        Directory.Exists(folder) || Path.GetDirectoryName(folder) is not { } parent ? folder : Existing(parent);
}
