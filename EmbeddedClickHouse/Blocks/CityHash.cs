using System.Buffers.Binary;
using System.Numerics;

namespace AspireCdc.EmbeddedClickHouse.Blocks;

/// <summary>CityHash128 of version 1.0.2, with which ClickHouse guards its compressed blocks. (Later versions of
/// the hash give other values.)</summary>
internal static class CityHash
{
    private const ulong K0 = 0xc3a5c85c97cb3127, K1 = 0xb492b66fbe98f273, K2 = 0x9ae16a3b2f90404f, K3 = 0xc949d7c7509e6557;
    private const ulong Multiplier = 0x9ddfea08eb382d69;

    public static (ulong Low, ulong High) Hash128(ReadOnlySpan<byte> s)
    {
        var n = (ulong)s.Length;
        return s.Length switch
        {
            >= 16 => WithSeed(s[16..], Word(s) ^ K3, Word(s[8..])),
            >= 8 => WithSeed([], Word(s) ^ (n * K0), Word(s[^8..]) ^ K1),
            _ => WithSeed(s, K0, K1),
        };
    }

    private static (ulong Low, ulong High) WithSeed(ReadOnlySpan<byte> s, ulong low, ulong high)
    {
        if (s.Length < 128)
            return Short(s, low, high);

        ulong x = low, y = high, z = (ulong)s.Length * K1;
        var v0 = BitOperations.RotateRight(y ^ K1, 49) * K1 + Word(s);
        (ulong A, ulong B) v = (v0, BitOperations.RotateRight(v0, 42) * K1 + Word(s[8..]));
        (ulong A, ulong B) w = (BitOperations.RotateRight(y + z, 35) * K1 + x, BitOperations.RotateRight(x + Word(s[88..]), 53) * K1);

        var at = 0;
        for (; s.Length - at >= 128; at += 128)
        {
            for (var half = at; half < at + 128; half += 64)
            {
                var part = s[half..];
                x = BitOperations.RotateRight(x + y + v.A + Word(part[16..]), 37) * K1;
                y = BitOperations.RotateRight(y + v.B + Word(part[48..]), 42) * K1;
                x ^= w.B;
                y ^= v.A;
                z = BitOperations.RotateRight(z ^ w.A, 33);
                v = Weak(part, v.B * K1, x + w.A);
                w = Weak(part[32..], z + w.B, y);
                (z, x) = (x, z);
            }
        }

        y += BitOperations.RotateRight(w.A, 37) * K0 + z;
        x += BitOperations.RotateRight(v.A + z, 49) * K0;

        // What is left is taken in steps of 32 bytes from the end, which reach back into what is done.
        for (var done = 32; done - 32 < s.Length - at; done += 32)
        {
            var part = s[^done..];
            y = BitOperations.RotateRight(y - x, 42) * K0 + v.B;
            w.A += Word(part[16..]);
            x = BitOperations.RotateRight(x, 49) * K0 + w.A;
            w.A += v.A;
            v = Weak(part, v.A, v.B);
        }

        x = Mix(x, v.A);
        y = Mix(y, w.A);
        return (Mix(x + v.B, w.B) + y, Mix(x + w.B, y + v.B));
    }

    private static (ulong Low, ulong High) Short(ReadOnlySpan<byte> s, ulong low, ulong high)
    {
        ulong a = low, b = high, c, d;
        if (s.Length <= 16)
        {
            a = Shift(a * K1) * K1;
            c = b * K1 + UpTo16(s);
            d = Shift(a + (s.Length >= 8 ? Word(s) : c));
        }
        else
        {
            c = Mix(Word(s[^8..]) + K1, a);
            d = Mix(b + (ulong)s.Length, c + Word(s[^16..]));
            a += d;
            for (var at = 0; at < s.Length - 16; at += 16)
            {
                a = (a ^ (Shift(Word(s[at..]) * K1) * K1)) * K1;
                b ^= a;
                c = (c ^ (Shift(Word(s[(at + 8)..]) * K1) * K1)) * K1;
                d ^= c;
            }
        }

        a = Mix(a, c);
        b = Mix(d, b);
        return (a ^ b, Mix(b, a));
    }

    private static ulong UpTo16(ReadOnlySpan<byte> s)
    {
        var n = s.Length;
        switch (n)
        {
            case > 8:
                var last = Word(s[^8..]);
                return Mix(Word(s), BitOperations.RotateRight(last + (ulong)n, n)) ^ last;
            case >= 4:
                return Mix(
                    (ulong)n + ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(s) << 3), BinaryPrimitives.ReadUInt32LittleEndian(s[^4..]));
            case > 0:
                var y = s[0] + ((uint)s[n >> 1] << 8);
                var z = (uint)n + ((uint)s[n - 1] << 2);
                return Shift((y * K2) ^ (z * K3)) * K2;
            default:
                return K2;
        }
    }

    private static (ulong A, ulong B) Weak(ReadOnlySpan<byte> s, ulong a, ulong b)
    {
        ulong w = Word(s), x = Word(s[8..]), y = Word(s[16..]), z = Word(s[24..]);
        a += w;
        b = BitOperations.RotateRight(b + a + z, 21);
        var c = a;
        a += x + y;
        b += BitOperations.RotateRight(a, 44);
        return (a + z, b + c);
    }

    private static ulong Mix(ulong u, ulong v)
    {
        var a = Shift((u ^ v) * Multiplier);
        var b = Shift((v ^ a) * Multiplier);
        return b * Multiplier;
    }

    private static ulong Shift(ulong value) => value ^ (value >> 47);

    private static ulong Word(ReadOnlySpan<byte> s) => BinaryPrimitives.ReadUInt64LittleEndian(s);
}
