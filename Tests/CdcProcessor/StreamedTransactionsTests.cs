using System.Buffers.Binary;
using System.Text;
using AspireCdc.CdcProcessor.Postgres;
using AwesomeAssertions;
using Xunit;

namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Messages of open transactions, as the server may send them.</summary>
public sealed class StreamedTransactionsTests
{
    private const uint Table = 7;

    /// <summary>
    /// Current servers describe a table again to whoever may have missed a change of its publication; earlier releases did not.
    /// </summary>
    [Fact]
    public void A_description_that_came_since_holds_after_the_transaction_and_its_own_within_it()
    {
        using var streamed = new StreamedTransactions();

        Keep(streamed, Start(1, isFirst: true), Described(1, "before"), Insert(1, "a"), "E"u8.ToArray());
        streamed.Described(Description("since"));

        Commits(streamed, 1).Should().Equal("B", "R before", "I a", "R since", "C");
    }

    [Fact]
    public void Its_own_description_holds_after_it_where_it_came_last()
    {
        using var streamed = new StreamedTransactions();

        streamed.Described(Description("before"));
        Keep(
            streamed, Start(1, isFirst: true), Described(1, "own"), "E"u8.ToArray(), Start(2, isFirst: true), Described(3, "never"),
            "E"u8.ToArray(), RolledBack(2, 3));
        Keep(streamed, RolledBack(2, 2), Start(1, isFirst: false), Insert(1, "a"), "E"u8.ToArray());

        Commits(streamed, 1).Should().Equal("B", "R own", "I a", "R own", "C");
    }

    [Fact]
    public void Rows_of_any_size_come_back_in_their_order_without_those_that_were_rolled_back()
    {
        using var streamed = new StreamedTransactions();
        string[] rows = [.. Enumerable.Range(0, 40).Select(i => new string((char)('a' + (i % 26)), 1 << (i % 21)))];

        Keep(streamed, Start(1, isFirst: true));
        for (var i = 0; i < rows.Length; i++)
            Keep(streamed, Insert(i % 3 == 0 ? 2u : 1u, rows[i]));
        Keep(streamed, "E"u8.ToArray(), RolledBack(1, 2));

        Commits(streamed, 1).Should().Equal(
            ["B", .. rows.Where((_, i) => i % 3 != 0).Select(row => "I " + row), "C"]);
    }

    [Fact]
    public void The_commit_of_a_transaction_that_never_came_is_said()
    {
        using var streamed = new StreamedTransactions();

        streamed.Invoking(known => known.Commit(Commit(5))).Should().Throw<InvalidDataException>()
            .WithMessage("PostgreSQL commits transaction 5, of which it has sent nothing.");
    }

    private static void Keep(StreamedTransactions streamed, params byte[][] messages)
    {
        foreach (var message in messages)
        {
            streamed.Has(message).Should().BeTrue();
            streamed.Keep(lsn: 100, message);
        }
    }

    /// <summary>What it comes to: the kind of each message, and its text where it has one.</summary>
    private static IReadOnlyList<string> Commits(StreamedTransactions streamed, uint id)
    {
        using var transaction = streamed.Commit(Commit(id))!;
        var read = new List<string>();
        foreach (var (_, message) in transaction.Read(TestContext.Current.CancellationToken))
            read.Add((char)message.Span[0] is var kind && kind is 'R' or 'I' ? $"{kind} {Encoding.UTF8.GetString(message.Span[5..])}"
                : $"{kind}");
        return read;
    }

    private static byte[] Start(uint id, bool isFirst) => [(byte)'S', .. Number(id), isFirst ? (byte)1 : (byte)0];

    private static byte[] RolledBack(uint id, uint subtransaction) => [(byte)'A', .. Number(id), .. Number(subtransaction)];

    private static byte[] Described(uint subtransaction, string text) =>
        [(byte)'R', .. Number(subtransaction), .. Description(text).AsSpan(1)];

    private static byte[] Description(string text) => [(byte)'R', .. Number(Table), .. Encoding.UTF8.GetBytes(text)];

    private static byte[] Insert(uint subtransaction, string text) =>
        [(byte)'I', .. Number(subtransaction), .. Number(Table), .. Encoding.UTF8.GetBytes(text)];

    private static byte[] Commit(uint id) => [(byte)'c', .. Number(id), 0, .. new byte[24]];

    private static byte[] Number(uint number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return bytes;
    }
}
