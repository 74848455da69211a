using System.Globalization;
using System.Text;

namespace AspireCdc.Tests.Hostile;

/// <summary>
/// Random input from a seed, and how much of it. <c>LONG_TESTS=1</c> sends 10,000 to each place, <c>HOSTILE_SEED=7</c> takes that seed, and
/// a failure names seed and number.
/// </summary>
internal static class Campaign
{
    private static readonly int[] Numbers =
        [0, -1, 1, 2, 255, 256, short.MaxValue, short.MinValue, int.MaxValue, int.MinValue, 0x10000, 0x3fffffff, 0x7ffffff0];

    public static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("HOSTILE_SEED"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var seed)
        ? seed
        : Random.Shared.Next();

    public static int Count { get; } = Environment.GetEnvironmentVariable("LONG_TESTS") == "1" ? 10_000 : 400;

    /// <summary>Each run's input depends on the seed and its number only, so that one can be sent again by itself.</summary>
    public static Random Dice(int number) => new(unchecked(Seed * 1_000_003 + number));

    public static string Name(int number) => $"HOSTILE_SEED={Seed}, number {number}";

    public static T Pick<T>(this Random dice, params ReadOnlySpan<T> from) => from[dice.Next(from.Length)];

    /// <summary>Bytes flipped, cut, doubled, inserted, replaced by numbers at the edge; or nothing but noise.</summary>
    public static byte[] Mutate(this Random dice, byte[] valid)
    {
        var bytes = new List<byte>(valid);
        for (var i = dice.Next(1, 5); i > 0; i--)
        {
            var at = dice.Next(bytes.Count + 1);
            switch (dice.Next(8))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << dice.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)dice.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(0, dice.Next(bytes.Count + 1)));
                    break;
                case 4:
                    var noise = new byte[dice.Next(64)];
                    dice.NextBytes(noise);
                    bytes.InsertRange(at, noise);
                    break;
                case 5 when at + 4 <= bytes.Count:
                    var number = BitConverter.GetBytes(dice.Pick<int>(Numbers));
                    Array.Reverse(number);
                    for (var b = 0; b < 4; b++)
                        bytes[at + b] = number[b];
                    break;
                case 6 when at < bytes.Count:
                    bytes.RemoveRange(at, Math.Min(dice.Next(1, 9), bytes.Count - at));
                    break;
                case 7:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(dice.Text()));
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Text that has broken something somewhere before.</summary>
    public static string Text(this Random dice) => dice.Pick(
        "", "\0", "'", "\"", "\\", "`", "{", "}", "[[", "]]", "null", "NaN", "-0", "1e400", "99999999999999999999999999999999", "0x1F",
        "\ufeff", "\u202e", "\ud83d\ude00", "é",
        "../../etc/passwd", "%00", "%", "%zz", "<script>", "'; DROP TABLE t; --", "${x}", "{0}", "\r\n", "\n\n", "\t", new string('a', 300),
        new string('[', 2000), "9999-12-31T23:59:59Z", "true", "-1");
}
