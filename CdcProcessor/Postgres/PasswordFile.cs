using System.Globalization;
using System.Text;
using Npgsql;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>Where a password may stand beside the connection string, in the order of Npgsql and libpq:
/// PGPASSWORD, then the password file.</summary>
internal static class PasswordFile
{
    public static string? FindPassword(NpgsqlConnectionStringBuilder settings, ServerAddress server, string user)
    {
        if ((settings.Password ?? Environment.GetEnvironmentVariable("PGPASSWORD")) is { } password)
            return password;
        if ((settings.Passfile ?? Environment.GetEnvironmentVariable("PGPASSFILE") ?? DefaultFile()) is not { } path)
            return null;

        string[] wanted = [server.Host, server.Port.ToString(CultureInfo.InvariantCulture), settings.Database ?? user, user];
        return File.ReadLines(path).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').Select(Fields)
            .FirstOrDefault(fields =>
                fields.Count == 5 && wanted.Zip(fields).All(pair => pair.Second == "*" || pair.Second == pair.First))?[4];
    }

    /// <summary><c>host:port:database:user:password</c>; a backslash goes before a colon or a backslash that belongs to a field.</summary>
    private static List<string> Fields(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == ':')
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                if (line[i] == '\\' && i + 1 < line.Length && line[i + 1] is ':' or '\\')
                    i++;
                field.Append(line[i]);
            }
        }
        fields.Add(field.ToString());
        return fields;
    }

    private static string? DefaultFile()
    {
        var path = OperatingSystem.IsWindows()
            ? Path.Combine(Environment.GetEnvironmentVariable("APPDATA") ?? "", "postgresql", "pgpass.conf")
            : Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "", ".pgpass");
        return File.Exists(path) ? path : null;
    }
}
