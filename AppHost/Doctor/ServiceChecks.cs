using System.Net.Http.Json;
using System.Text.Json;

namespace AspireCdc.AppHost.Doctor;

/// <summary>The services: each says itself how it is.</summary>
internal static class ServiceChecks
{
    private const string Processor = "cdc-processor", Api = "api";
    private const string Command = "dotnet run --project CdcProcessor --";

    private static readonly string[] ProcessorTable = ["streams", "lag", "dead letters", "copies", "facts", "verification"];

    public static async Task<IReadOnlyList<Finding>> ExamineAsync(Patient patient, string? token, CancellationToken cancellationToken)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = patient.Limits.Patience };
        if (!string.IsNullOrEmpty(token))
            http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return [.. await ProcessorAsync(http, patient, cancellationToken), .. await ApiAsync(http, patient.Api, cancellationToken)];
    }

    private static async Task<IEnumerable<Finding>> ProcessorAsync(HttpClient http, Patient patient, CancellationToken cancellationToken)
    {
        var address = patient.Processor;
        JsonElement status;
        try
        {
            using var answer = await http.GetAsync(new Uri(address, "/operations/status"), cancellationToken);
            if (!answer.IsSuccessStatusCode)
            {
                // The status reads ClickHouse; whether the processor is ready it knows without.
                var refusal = await answer.Content.ReadAsStringAsync(cancellationToken);
                var ready = await ReasonsAsync(http, new Uri(address, "/ready"), cancellationToken);
                return
                [
                    new(Processor, "answers", Verdict.Well, $"{address}"),
                    new(Processor, "streams", Verdict.Ill, ready ?? refusal.Trim('"'), "put right what it names; it goes on by itself"),
                    .. ProcessorTable.Skip(1).Select(check => new Finding(Processor, check, Verdict.Unasked, "not asked")),
                ];
            }
            status = await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        }
        catch (Exception exception) when (IsSilence(exception, cancellationToken))
        {
            return
            [
                new(
                    Processor, "answers", Verdict.Ill, $"{address} does not answer",
                    "start the resource cdc-processor in the dashboard, whose log says why it ended; or dotnet run --project AppHost"),
                .. ProcessorTable.Select(check => new Finding(Processor, check, Verdict.Unasked, "not asked")),
            ];
        }

        var (phase, reason) = (status.GetProperty("phase").GetString(), status.GetProperty("reason").GetString());
        var lag = status.GetProperty("lagSeconds").GetDouble();
        var letters = status.GetProperty("deadLetters").GetInt64();
        var copies = Named(status, "tables", table => table.GetProperty("copy").GetString() is not "Done", "source");
        var facts = Named(status, "facts", fact => !fact.GetProperty("isDone").GetBoolean(), "name");
        return
        [
            new(Processor, "answers", Verdict.Well, $"{address}"),
            phase switch
            {
                "Streaming" or "StandingBy" => Well("streams", reason is { Length: > 0 } ? reason : "changes flow"),
                "Paused" => Ill("streams", "it is paused, and PostgreSQL keeps its log meanwhile", $"{Command} resume"),
                "ResyncRequired" => Ill("streams", reason!, $"{Command} resync --all"),
                _ => Ill("streams", $"{phase}: {reason}", "put right what it names; it goes on by itself"),
            },
            lag <= patient.Limits.LagSeconds
                ? Well("lag", $"{lag:0.0} s")
                : Ill(
                    "lag", $"ClickHouse is {lag:0} s and {status.GetProperty("lagBytes").GetInt64():N0} bytes behind",
                    "cdc.sink.duration in the dashboard's metrics tells where the time goes"),
            letters == 0
                ? Well("dead letters", "none waits")
                : Ill("dead letters", $"{letters} changes could not be applied",
                    $"{Command} dead-letters list, then dead-letters retry or drop"),
            copies.Length == 0
                ? Well("copies", "every table is copied")
                : Ill("copies", $"not copied yet: {copies}",
                    $"{Command} status shows how far they are; {Command} resync TABLE asks for one"),
            facts.Length == 0
                ? Well("facts", "all follow")
                : Ill("facts", $"derived anew right now: {facts}", $"{Command} status shows how far they are"),
            Verification(status),
        ];

        static Finding Well(string check, string says) => new(Processor, check, Verdict.Well, says);

        static Finding Ill(string check, string says, string cure) => new(Processor, check, Verdict.Ill, says, cure);

        static Finding Verification(JsonElement status) =>
            status.TryGetProperty("verification", out var last) && last.GetProperty("state").GetString() is "different" or "incomplete"
                ? Ill("verification", last.GetProperty("verdict").GetString()!, $"{Command} verify --repair")
                : Well("verification", "the last comparison with PostgreSQL, if there was one, found no difference");
    }

    private static async Task<IEnumerable<Finding>> ApiAsync(HttpClient http, Uri address, CancellationToken cancellationToken)
    {
        try
        {
            var reasons = await ReasonsAsync(http, new Uri(address, "/health"), cancellationToken);
            return
            [
                new(Api, "answers", Verdict.Well, $"{address}"),
                reasons is null
                    ? new(Api, "is ready", Verdict.Well, "with PostgreSQL and its tables")
                    : new(
                        Api, "is ready", Verdict.Ill, reasons,
                        "dotnet run --project Api -- init-db where tables are missing; else start postgres"),
            ];
        }
        catch (Exception exception) when (IsSilence(exception, cancellationToken))
        {
            return
            [
                new(
                    Api, "answers", Verdict.Ill, $"{address} does not answer",
                    "start the resource api in the dashboard, whose log says why it ended; or dotnet run --project AppHost"),
                new(Api, "is ready", Verdict.Unasked, "not asked"),
            ];
        }
    }

    /// <summary>Why the service is not ready; null where it is.</summary>
    private static async Task<string?> ReasonsAsync(HttpClient http, Uri address, CancellationToken cancellationToken)
    {
        using var answer = await http.GetAsync(address, cancellationToken);
        if (answer.IsSuccessStatusCode)
            return null;
        var text = await answer.Content.ReadAsStringAsync(cancellationToken);
        try
        {
            return JsonElement.Parse(text).TryGetProperty("reasons", out var reasons)
                ? string.Join("; ", reasons.EnumerateObject().Select(reason => reason.Value.GetString())) : text;
        }
        catch (JsonException)
        {
            return $"{address} answers {(int)answer.StatusCode}";
        }
    }

    private static string Named(JsonElement status, string list, Func<JsonElement, bool> isMeant, string name) =>
        string.Join(", ", status.GetProperty(list).EnumerateArray().Where(isMeant)
            .Select(element => element.GetProperty(name).GetString()));

    private static bool IsSilence(Exception exception, CancellationToken cancellationToken) =>
        exception is HttpRequestException or IOException
        || exception is OperationCanceledException && !cancellationToken.IsCancellationRequested;
}
