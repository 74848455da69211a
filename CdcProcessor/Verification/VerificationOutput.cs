using System.Globalization;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>A comparison as the command line shows it.</summary>
internal static class VerificationOutput
{
    /// <summary>Prints each table as soon as it is done, and the end.</summary>
    /// <returns>0 if all is equal, 1 if rows differ and stay so, or a table could not be compared.</returns>
    public static async Task<int> FollowAsync(Func<string, Task<VerificationReport>> read, TextWriter output)
    {
        var report = await read("verify");
        var printed = new HashSet<string>();
        while (true)
        {
            foreach (var table in report.Tables.Where(table => table.Seconds > 0 && printed.Add(table.Name)))
                await WriteAsync(table, output);
            if (report.State != "running")
                break;
            report = await read(string.Create(CultureInfo.InvariantCulture, $"verify?rows={report.Rows}&tables={printed.Count}"));
        }
        await output.WriteLineAsync(Summary(report));
        return report.State == "equal" ? 0 : 1;
    }

    /// <summary>One line.</summary>
    public static string Summary(VerificationReport report) => report switch
    {
        { State: "none" } => report.Verdict,
        { Finished: { } finished, Started: { } started } => string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Verdict} {report.Rows} rows in {(finished - started).TotalSeconds:0.0} s, {report.RowsPerSecond:0} a second, at " +
            $"{finished:yyyy-MM-dd HH:mm:ss}Z."),
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"Comparing with PostgreSQL: {report.Rows} rows so far, {report.RowsPerSecond:0} a second; " +
            $"{report.Tables.Count(table => table.Seconds > 0)} of {report.Tables.Count} tables done, {report.Differences} rows differ."),
    };

    private static async Task WriteAsync(ComparedReport table, TextWriter output)
    {
        var rate = table.Rows / table.Seconds;
        var found = table.State switch
        {
            "equal" when table.Repaired > 0 => $"equal, {table.Repaired} repaired",
            "equal" => "equal",
            "different" => $"{table.Differences} differ{(table.Repaired > 0 ? $", {table.Repaired} repaired" : "")}",
            var state => state,
        };
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{table.Name,-24} {table.Rows,12} rows, {rate,9:0} a second: " +
            $"{found}{(table.Undecided > 0 ? $", {table.Undecided} undecided" : "")}"));
        if (table.Note.Length > 0)
            await output.WriteLineAsync($"    {table.Note}");
        foreach (var key in table.Keys)
            await output.WriteLineAsync($"    {key.Key}: {key.What}{(key.IsRepaired ? ", repaired" : "")}");
        if (table.Differences + table.Repaired > table.Keys.Count)
            await output.WriteLineAsync($"    … and {table.Differences + table.Repaired - table.Keys.Count} more");
    }
}
