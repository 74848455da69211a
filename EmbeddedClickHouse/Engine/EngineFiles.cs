using System.Security;
using System.Security.Cryptography;

namespace AspireCdc.EmbeddedClickHouse.Engine;

/// <summary>
/// The folders and the configuration of the engine. Without one its only user may do everything: read and write each file that this
/// process can, call
/// other machines, end the process. Here the engine itself refuses that.
/// </summary>
internal sealed class EngineFiles
{
    private EngineFiles(string data)
    {
        Data = data;
        UserFiles = Path.Combine(data, "user_files") + Path.DirectorySeparatorChar;
        Configuration = Path.Combine(data, "configuration", "config.xml");
    }

    /// <summary>The folder that keeps the tables.</summary>
    public string Data { get; }

    /// <summary>The folder that <c>file()</c> reads and writes in; its path ends with a separator.</summary>
    public string UserFiles { get; }

    /// <summary>The file for the engine's option <c>--config-file</c>.</summary>
    public string Configuration { get; }

    /// <summary>Makes folders and configuration; <paramref name="sources"/> are those of ClickHouse's sources that queries may
    /// use.</summary>
    public static EngineFiles Write(string data, IReadOnlyList<string> sources)
    {
        var files = new EngineFiles(Path.GetFullPath(data));
        Directory.CreateDirectory(files.UserFiles);
        var folder = Path.GetDirectoryName(files.Configuration)!;
        Directory.CreateDirectory(folder);
        var users = Path.Combine(folder, "users.xml");
        File.WriteAllText(users, Users(sources));
        File.WriteAllText(files.Configuration, Server(users, files.Data, mayCall: sources.Count > 0));
        return files;
    }

    /// <summary>An empty list of hosts allows none.</summary>
    private static string Server(string users, string data, bool mayCall) =>
        $"""
        <clickhouse>
            <users_config>{SecurityElement.Escape(users)}</users_config>
            <custom_local_disks_base_directory>{SecurityElement.Escape(Path.Combine(data, "disks"))}/</custom_local_disks_base_directory>
            {(mayCall ? "" : "<remote_url_allow_hosts></remote_url_allow_hosts>")}
        </clickhouse>
        """;

    /// <summary>
    /// The role is the right to files; a connection has it while it runs a statement whose files the server has looked at. Database
    /// <c>default</c> is the
    /// one that every connection opens with, and <c>system</c> is asked by the engine itself.
    /// </summary>
    private static string Users(IReadOnlyList<string> sources)
    {
        var role = "files_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        string[] grants =
        [
            "GRANT ALL ON *.*",
            "REVOKE SOURCES ON *.*",
            "REVOKE TABLE ENGINE ON *",
            "REVOKE SYSTEM SHUTDOWN ON *.*",
            "REVOKE SET DEFINER ON *",
            "REVOKE DROP DATABASE ON default.*",
            "REVOKE DROP, DROP DATABASE ON system.*",
            "REVOKE DROP, DROP DATABASE ON information_schema.*",
            "REVOKE DROP, DROP DATABASE ON INFORMATION_SCHEMA.*",
            .. sources.SelectMany(Source.Grants),
            $"GRANT {role}",
        ];
        return $"""
            <clickhouse>
                <profiles><default><constraints><{ChdbConnection.Marker}><const/></{ChdbConnection.Marker}></constraints></default></profiles>
                <roles><{role}><grants><query>GRANT FILE ON *.*</query></grants></{role}></roles>
                <users>
                    <default>
                        <password></password>
                        <networks><ip>::/0</ip></networks>
                        <profile>default</profile>
                        <quota>default</quota>
                        <grants>{string.Concat(grants.Select(grant => $"<query>{grant}</query>"))}</grants>
                    </default>
                </users>
                <quotas><default/></quotas>
            </clickhouse>
            """;
    }
}
