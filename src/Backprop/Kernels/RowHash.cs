using System.Numerics;
using System.Runtime.InteropServices;

namespace Backprop.Kernels;

/// <summary>A running hash of rows: four lanes of xxHash64's rounds, a multiplication and a rotation each. It finds what has changed, not what was forged.</summary>
internal struct RowHash
{
    private const ulong Prime1 = 0x9E3779B185EBCA87, Prime2 = 0xC2B2AE3D27D4EB4F, Prime3 = 0x165667B19E3779F9;

    private ulong _a, _b, _c, _d;

    /// <summary>What it has come to.</summary>
    internal readonly ulong Value => Mix(Round(Round(Round(Round(Prime3, _a), _b), _c), _d));

    /// <summary>Adds values, and where they end.</summary>
    internal void Add<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        unchecked
        {
            var bytes = MemoryMarshal.AsBytes(values);
            var words = MemoryMarshal.Cast<byte, ulong>(bytes);
            var tail = bytes[(words.Length * sizeof(ulong))..];
            for (; words.Length >= 4; words = words[4..])
            {
                _a = Round(_a, words[0]);
                _b = Round(_b, words[1]);
                _c = Round(_c, words[2]);
                _d = Round(_d, words[3]);
            }

            foreach (var word in words) _a = Round(_a, word);
            foreach (var one in tail) _b = Round(_b, one);
            _c = Round(_c, (ulong)bytes.Length);
        }
    }

    private static ulong Round(ulong hash, ulong word) => unchecked(BitOperations.RotateLeft(hash + word * Prime2, 31) * Prime1);

    private static ulong Mix(ulong hash) => unchecked((hash ^ (hash >> 33)) * Prime2);
}
