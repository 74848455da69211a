using AspireCdc.ClickHouseMigrator;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.ClickHouseMigrator;

public sealed class SqlScriptTests
{
    [Theory]
    [InlineData("SELECT 1", new[] { "SELECT 1" })]
    [InlineData("SELECT 1; SELECT 2;\n", new[] { "SELECT 1", "SELECT 2" })]
    [InlineData("SELECT ';'; SELECT 2", new[] { "SELECT ';'", "SELECT 2" })]
    [InlineData("SELECT 'it''s; \\'; x'; SELECT 2", new[] { "SELECT 'it''s; \\'; x'", "SELECT 2" })]
    [InlineData("SELECT `a;b`; SELECT \"c;d\"", new[] { "SELECT `a;b`", "SELECT \"c;d\"" })]
    [InlineData("-- one; two\nSELECT 1; -- the end;", new[] { "-- one; two\nSELECT 1" })]
    [InlineData("/* a; b */ SELECT 1 /* c; d */; /* only; this */", new[] { "/* a; b */ SELECT 1 /* c; d */" })]
    [InlineData("-- nothing\n;;\n", new string[0])]
    public void Splits_at_semicolons_outside_of_strings_names_and_comments(string script, string[] statements) =>
        SqlScript.Split(script).Should().Equal(statements);

    [Theory]
    [InlineData(
        "CREATE TABLE IF NOT EXISTS t (a Int64) ENGINE = ReplacingMergeTree(a) ORDER BY a",
        "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'blue' (a Int64) ENGINE = ReplicatedReplacingMergeTree(a) ORDER BY a")]
    [InlineData(
        "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO t AS SELECT a FROM u",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS v ON CLUSTER 'blue' TO t AS SELECT a FROM u")]
    [InlineData("CREATE TABLE t (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a",
        "CREATE TABLE t ON CLUSTER 'blue' (a Int64) ENGINE = ReplicatedMergeTree ORDER BY a")]
    [InlineData("ALTER TABLE t ADD COLUMN IF NOT EXISTS b Int64", "ALTER TABLE t ON CLUSTER 'blue' ADD COLUMN IF NOT EXISTS b Int64")]
    [InlineData("ALTER TABLE `t` MODIFY SETTING merge_selector_base = 10",
        "ALTER TABLE `t` ON CLUSTER 'blue' MODIFY SETTING merge_selector_base = 10")]
    [InlineData("CREATE DATABASE IF NOT EXISTS `local`", "CREATE DATABASE IF NOT EXISTS `local` ON CLUSTER 'blue'")]
    [InlineData("DROP TABLE IF EXISTS `Odd Name_landing`", "DROP TABLE IF EXISTS `Odd Name_landing` ON CLUSTER 'blue'")]
    [InlineData("EXCHANGE TABLES `a` AND `a__next`", "EXCHANGE TABLES `a` AND `a__next` ON CLUSTER 'blue'")]
    [InlineData("-- why\nRENAME TABLE IF EXISTS a TO b", "-- why\nRENAME TABLE IF EXISTS a TO b ON CLUSTER 'blue'")]
    public void Statements_for_a_cluster_run_on_it_with_replicated_engines(string statement, string onCluster)
    {
        ClusterDialect.Apply(statement, "blue").Should().Be(onCluster);
        ClusterDialect.Apply(statement, null).Should().Be(statement);
    }
}
