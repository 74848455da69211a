using System.Text;
using AspireCdc.CdcProcessor.Verification;
using AspireCdc.ServiceDefaults;

namespace AspireCdc.CdcProcessor.Operations;

/// <summary>The command line's verbs: each asks the processor that runs at <c>--address</c>.</summary>
internal static class Verbs
{
    private const string Usage = """
        CdcProcessor [run]                       run the pipeline
        CdcProcessor status                      position, lag, copies, dead letters
        CdcProcessor resync <table>…             copy tables anew, beside the stream
        CdcProcessor resync --all                start everything anew, from a new slot
        CdcProcessor pause | resume              rest, and go on
        CdcProcessor verify [<name>…] [--repair] compare tables and facts with PostgreSQL, row for row; bring what differs once more
        CdcProcessor dead-letters list           changes that could not be applied
        CdcProcessor dead-letters retry [<id>…]  apply them again (all, or these)
        CdcProcessor dead-letters drop <id>… | --all
                --address http://localhost:4196  the processor to ask
        """;

    private static readonly string[] Known = ["status", "resync", "pause", "resume", "dead-letters", "verify", "help", "--help", "-h"];

    /// <summary>A verb, and not the pipeline, is asked for. Options alone belong to the pipeline.</summary>
    public static bool IsVerb(string[] args) =>
        args is [var first, ..] && first != "run" && (Known.Contains(first) || !first.StartsWith('-'));

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        var words = args.ToList();
        var address = "http://localhost:4196";
        if (words.IndexOf("--address") is >= 0 and var at)
        {
            if (at + 1 == words.Count)
                return Complain("--address needs the address of a processor, like http://localhost:4196.");
            address = words[at + 1];
            words.RemoveRange(at, 2);
        }
        if (!Uri.TryCreate(address.TrimEnd('/') + "/operations/", UriKind.Absolute, out var operations))
            return Complain($"'{address}' is no address: one looks like http://localhost:4196.");

        Loopback.KeepFromProxies();
        using var http = new HttpClient { BaseAddress = operations };
        OperationAccess.Authorize(http, Environment.GetEnvironmentVariable("Operations__Token"));
        try
        {
            switch (words)
            {
                case ["help" or "--help" or "-h", ..]:
                    await output.WriteLineAsync(Usage);
                    return 0;
                case ["status"]:
                    await WriteStatusAsync(await ReadAsync<StatusReport>("status"));
                    return 0;
                case ["pause"] or ["resume"]:
                    return await PostAsync(words[0]);
                case ["resync", "--all"]:
                    return await PostAsync("resync?all=true");
                case ["resync", .. var tables] when tables is not [] && tables.All(IsWord):
                    return await PostAsync("resync?" + Query("table", tables));
                case ["verify", .. var names] when names.All(name => IsWord(name) || name == "--repair"):
                    await PostAsync(
                        $"verify?repair={(names.Contains("--repair") ? "true" : "false")}&{Query("table", names.Where(IsWord))}");
                    return await VerificationOutput.FollowAsync(path => ReadAsync<VerificationReport>(path), output);
                case ["dead-letters", "list"]:
                    await WriteLettersAsync(await ReadAsync<LetterReport[]>("dead-letters"));
                    return 0;
                case ["dead-letters", "retry", .. var ids] when ids.All(IsWord):
                    return await PostAsync("dead-letters/retry?" + Query("id", ids));
                case ["dead-letters", "drop", "--all"]:
                    return await PostAsync("dead-letters/drop?all=true");
                case ["dead-letters", "drop", .. var ids] when ids is not [] && ids.All(IsWord):
                    return await PostAsync("dead-letters/drop?" + Query("id", ids));
                case ["resync"]:
                    return Complain("resync needs the names of tables, or --all.");
                default:
                    return Complain($"'{string.Join(' ', words)}' is no command of CdcProcessor.");
            }
        }
        catch (HttpRequestException e) when (e.StatusCode is null)
        {
            await errors.WriteLineAsync($"No processor answers at {address}: start it, or name its address with --address.");
            return 1;
        }
        catch (HttpRequestException e)
        {
            await errors.WriteLineAsync(e.Message);
            return 1;
        }

        static bool IsWord(string word) => !word.StartsWith('-');

        static string Query(string name, IEnumerable<string> values) =>
            string.Join('&', values.Select(value => $"{name}={Uri.EscapeDataString(value)}"));

        int Complain(string sentence)
        {
            errors.WriteLine(sentence);
            errors.WriteLine(Usage);
            return 2;
        }

        async Task<int> PostAsync(string path)
        {
            using var response = await http.PostAsync(path, null, cancellationToken);
            await output.WriteLineAsync(await TextAsync(response));
            return 0;
        }

        async Task<T> ReadAsync<T>(string path)
        {
            using var response = await http.GetAsync(path, cancellationToken);
            if (!response.IsSuccessStatusCode)
                await TextAsync(response);
            return (await response.Content.ReadFromJsonAsync<T>(cancellationToken))!;
        }

        async Task<string> TextAsync(HttpResponseMessage response)
        {
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            return response.IsSuccessStatusCode ? text : throw new HttpRequestException(
                text.Length > 0 ? text : $"The processor answered {(int)response.StatusCode}.", null, response.StatusCode);
        }

        Task WriteStatusAsync(StatusReport status)
        {
            var text = new StringBuilder();
            text.AppendLine($"{status.Phase}{(status.Reason.Length > 0 ? ": " + status.Reason : "")}");
            foreach (var position in status.Applied)
                text.AppendLine(
                    $"applied up to {position.Position}{(position.Partition < 0 ? "" : $" of partition {position.Partition}")}");
            text.AppendLine($"lag {status.LagBytes} bytes{(status.LagSeconds > 0 ? $", {status.LagSeconds:0.0} s" : "")}");
            text.AppendLine($"dead letters {status.DeadLetters}");
            foreach (var table in status.Tables)
            {
                var copied = table.Copied is { } rows
                    ? $", {rows} of about {Math.Max(rows, table.Expected ?? 0)} rows{LeftOf(table)}" : "";
                text.AppendLine($"{table.Source,-20} → {table.Landing,-24} copy: {table.Copy}{copied}");
            }
            foreach (var fact in status.Facts)
                text.AppendLine($"{fact.Name,-20} {StateOf(fact)}");
            foreach (var doubt in status.Doubts)
                text.AppendLine($"in doubt: {doubt}");
            text.AppendLine(VerificationOutput.Summary(status.Verification));
            return output.WriteAsync(text.ToString());

            static string LeftOf(TableReport table) =>
                table.SecondsLeft is { } left ? $", about {TimeSpan.FromSeconds(Math.Ceiling(left)):g} left" : "";

            static string StateOf(FactReport fact) => fact switch
            {
                { IsDone: true } => "follows",
                { Expected: { } rows } => $"is derived anew: {fact.Derived} of about {Math.Max(rows, fact.Derived)} rows",
                _ => "waits to be derived anew, until its tables are copied",
            };
        }

        async Task WriteLettersAsync(LetterReport[] letters)
        {
            foreach (var letter in letters)
            {
                await output.WriteLineAsync(
                    $"{letter.Id}  {letter.Time}  {letter.Operation} {letter.Table} {letter.Key} at {letter.Position}");
                await output.WriteLineAsync($"    {letter.Reason}");
                await output.WriteLineAsync($"    {letter.Raw}");
            }
            await output.WriteLineAsync(letters.Length == 0 ? "No dead letters." : $"{letters.Length} dead letters.");
        }
    }
}
