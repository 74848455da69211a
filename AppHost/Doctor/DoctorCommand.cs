using System.Text.Encodings.Web;
using System.Text.Json;
using AspireCdc.ServiceDefaults;
using AspireCdc.Star.Model;
using Microsoft.Extensions.Configuration;

namespace AspireCdc.AppHost.Doctor;

/// <summary><c>AppHost doctor [--json]</c>: examines the stack, running or not, and says of everything that is wrong what to do.</summary>
internal static class DoctorCommand
{
    public const string Verb = "doctor";

    private const string Json = "--json";

    /// <summary>What else the programs take from their configuration and the examination depends on.</summary>
    private static readonly string[] Settings =
    [
        "--ConnectionStrings:shop", "--ConnectionStrings:clickhouse", $"--{DatabasePassword.Key}", "--Cdc:Publication", "--Cdc:Slot",
        "--Cdc:Role",
    ];

    private static readonly JsonSerializerOptions Readable =
        new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Returns 0 only if all is well.</summary>
    /// <exception cref="AppHostException">An option is unknown, or the model or a connection string cannot be read.</exception>
    public static async Task<int> RunAsync(string[] args, TextWriter output, CancellationToken cancellationToken)
    {
        var configuration = new ConfigurationBuilder().AddEnvironmentVariables()
            .AddCommandLine(CommandLine.ToConfiguration([.. args.Where(arg => arg != Json)], Settings)).Build();
        Patient patient;
        try
        {
            patient = Patient.From(configuration);
        }
        catch (Exception exception) when (exception is StarModelException or FormatException)
        {
            throw new AppHostException(exception.Message, exception);
        }

        var findings = await ExamineAsync(patient, configuration["Operations:Token"], cancellationToken);
        var ill = findings.Count(finding => finding.Verdict == Verdict.Ill);
        if (args.Contains(Json))
            await output.WriteLineAsync(JsonSerializer.Serialize(new { well = ill == 0, findings }, Readable));
        else
            await PrintAsync(findings, ill, output);
        return ill == 0 ? 0 : 1;
    }

    /// <summary>Every check, in the order in which a change takes its way.</summary>
    public static async Task<IReadOnlyList<Finding>> ExamineAsync(Patient patient, string? token, CancellationToken cancellationToken)
    {
        var parts = await Task.WhenAll(
            MachineChecks.ExamineAsync(patient, cancellationToken),
            PostgresChecks.ExamineAsync(patient, cancellationToken),
            ClickHouseChecks.ExamineAsync(patient, cancellationToken),
            ServiceChecks.ExamineAsync(patient, token, cancellationToken));
        return [.. parts.SelectMany(part => part)];
    }

    private static async Task PrintAsync(IReadOnlyList<Finding> findings, int ill, TextWriter output)
    {
        foreach (var part in findings.GroupBy(finding => finding.Part))
        {
            await output.WriteLineAsync(part.Key);
            foreach (var finding in part.Where(finding => finding.Verdict != Verdict.Unasked))
            {
                await output.WriteLineAsync($"  {(finding.Verdict == Verdict.Well ? '✓' : '✗')} {finding.Check,-18} {finding.Says}");
                if (finding.Cure is not null)
                    await output.WriteLineAsync($"      → {finding.Cure}");
            }
            if (part.Count(finding => finding.Verdict == Verdict.Unasked) is > 0 and var unasked)
                await output.WriteLineAsync($"  · {unasked} more checks could not be made");
        }
        await output.WriteLineAsync();
        await output.WriteLineAsync(ill == 0 ? "All is well." : $"{ill} {(ill == 1 ? "thing is" : "things are")} to be done.");
    }
}
