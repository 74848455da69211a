using System.Text;
using AspireCdc.AppHost.Sql;
using AspireCdc.ServiceDefaults;
using AspireCdc.Star.Model;

namespace AspireCdc.AppHost.Doctor;

/// <summary>The destination: each check is a query that returns a line for everything that is wrong, with its cure.</summary>
internal static class ClickHouseChecks
{
    private const string Part = "clickhouse";
    private const string Migrate = "dotnet run --project ClickHouseMigrator";

    private static readonly (string Check, string Well, Func<Patient, string> Sql)[] Table =
    [
        ("database", "is there", patient => $"""
            SELECT 'there is no database {patient.ClickHouse.Database}', '{Migrate}'
            WHERE (SELECT count() FROM system.databases WHERE name = '{patient.ClickHouse.Database}') = 0
            """),
        ("migrations", "all are applied", patient => $"""
            SELECT 'no migration is applied', '{Migrate}'
            WHERE (SELECT count() FROM system.tables WHERE database = '{patient.ClickHouse.Database}' AND name = 'schema_migration') = 0
            """),
        ("latest migrations", "none is missing", patient => $"""
            SELECT 'migration ' || name || ' is not applied', '{Migrate}'
            FROM (SELECT arrayJoin({Names(patient.ClickHouseMigrations)}) AS name)
            WHERE name NOT IN (SELECT name FROM {patient.ClickHouse.Database}.schema_migration)
            """),
        ("tables", "all are there", patient => $"""
            SELECT 'table ' || name || ' is missing', '{Migrate}; where it is gone although its migration is applied: --reset'
            FROM (SELECT arrayJoin({Names(Tables(patient.Model))}) AS name)
            WHERE name NOT IN (SELECT name FROM system.tables WHERE database = '{patient.ClickHouse.Database}')
            """),
        ("views", "all are there", patient => $"""
            SELECT 'view ' || name || ' is missing: changes of parents do not reach their facts',
                '{Migrate}; where it is gone although its migration is applied: --reset'
            FROM (SELECT arrayJoin({Names(Views(patient.Model))}) AS name)
            WHERE name NOT IN (SELECT name FROM system.tables WHERE database = '{patient.ClickHouse.Database}')
            """),
        ("columns", "the tables have the model's", patient => $"""
            SELECT 'column ' || name || ' is missing', '{Migrate}' FROM (SELECT arrayJoin({Names(Columns(patient.Model))}) AS name)
            WHERE name NOT IN (SELECT table || '.' || name FROM system.columns WHERE database = '{patient.ClickHouse.Database}')
                AND splitByChar('.', name)[1] IN (SELECT name FROM system.tables WHERE database = '{patient.ClickHouse.Database}')
            """),
        ("reading", "rows are deduplicated (final = 1)", _ => """
            SELECT 'the user reads rows as they were before their last change', 'set final = 1 in the profile of the user that reads'
            FROM system.settings WHERE name = 'final' AND value NOT IN ('1', 'true')
            """),
        ("parts", "few enough to merge", patient => $"""
            SELECT table || ' has ' || toString(count()) || ' parts',
                'let it merge: fewer, larger batches (Cdc:BatchChanges), or more background threads'
            FROM system.parts WHERE database = '{patient.ClickHouse.Database}' AND active
            GROUP BY table HAVING count() > {patient.Limits.Parts}
            """),
        ("disk", "has room", patient => $"""
            SELECT 'only ' || formatReadableSize(free_space) || ' are free on disk ' || name,
                'free some: merges need as much again as they merge'
            FROM system.disks WHERE total_space > 0 AND free_space < {patient.Limits.FreeBytes}
            """),
    ];

    public static async Task<IReadOnlyList<Finding>> ExamineAsync(Patient patient, CancellationToken cancellationToken)
    {
        // By way of the database that every server has: the patient's may be missing.
        var server = patient.ClickHouse with { Database = "default" };
        var patience = patient.Limits.Patience;
        var answers = await AskAsync(server, "answers", "SELECT version(), ''", patience, cancellationToken);
        if (answers is not [{ Cure: "" } version])
        {
            var isRefused = answers[0].Says.Contains("password", StringComparison.OrdinalIgnoreCase)
                || answers[0].Says.Contains("Authentication", StringComparison.Ordinal);
            return
            [
                answers[0] with
                {
                    Cure = isRefused
                        ? "correct user and password in ConnectionStrings__clickhouse"
                        : "start the resource clickhouse in the dashboard, whose log says why it ended; or dotnet run --project AppHost",
                },
                .. Table.Select(check => new Finding(Part, check.Check, Verdict.Unasked, "not asked")),
            ];
        }

        var findings = new List<Finding> { version with { Verdict = Verdict.Well, Says = $"ClickHouse {version.Says}", Cure = null } };
        foreach (var (check, well, sql) in Table)
        {
            if (findings.Any(finding => finding is { Verdict: Verdict.Ill, Check: "database" or "migrations" }))
            {
                findings.Add(new(Part, check, Verdict.Unasked, "not asked"));
                continue;
            }
            var ill = await AskAsync(server, check, sql(patient), patience, cancellationToken);
            findings.AddRange(ill is [] ? [new(Part, check, Verdict.Well, well)] : ill);
        }
        return findings;
    }

    private static async Task<IReadOnlyList<Finding>> AskAsync(
        ClickHouseEndpoint server, string check, string sql, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        giveUp.CancelAfter(patience);
        using var output = new MemoryStream();
        try
        {
            await ClickHouseQuery.AskAsync(server, sql, "TabSeparatedRaw", output, giveUp.Token);
        }
        catch (AppHostException exception)
        {
            return [new(Part, check, Verdict.Ill, exception.Message, "ask as a user that may read the system tables")];
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            var says = $"ClickHouse does not answer within {patience.TotalSeconds} s";
            return [new(Part, check, Verdict.Ill, says, "its log in the dashboard says what it does")];
        }
        return
        [
            .. Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split('\t'))
                .Select(fields => new Finding(Part, check, Verdict.Ill, fields[0], fields[1])),
        ];
    }

    private static string Names(IEnumerable<string> names) =>
        $"[{string.Join(',', names.Select(name => $"'{name.Replace("'", "\\'", StringComparison.Ordinal)}'"))}]";

    private static IEnumerable<string> Tables(StarModel model) =>
    [
        "cdc_progress", "cdc_dead_letter", .. model.Tables.Select(table => table.Landing),
        .. model.Tables.SelectMany(table => table.Companions.Select(companion => companion.Name)), .. model.Facts.Select(fact => fact.Name),
    ];

    private static IEnumerable<string> Views(StarModel model) =>
        model.Tables.SelectMany(table => table.Companions.Select(companion => companion.View));

    private static IEnumerable<string> Columns(StarModel model) =>
        model.Tables.SelectMany(table => table.Columns.Select(column => column.Landing).Concat(SystemColumns.Landing)
                .Select(column => $"{table.Landing}.{column}"))
            .Concat(model.Facts.SelectMany(fact => fact.Columns.Select(column => column.Name).Concat(SystemColumns.Fact)
                .Select(column => $"{fact.Name}.{column}")));
}
