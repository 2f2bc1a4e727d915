using System.Globalization;
using System.Numerics;

namespace Backprop.Ranks;

/// <summary>Sums of numbers that depend on the order of addition, of lengths on both sides of where the way of sending changes, against a tree that is written down here once more, by itself.</summary>
public static class TreeSums
{
    public static int Run(MpiRanks ranks)
    {
        foreach (var bytes in (int[])[8, 64, 1000, 8 * 1024 - 64, 8 * 1024, 8 * 1024 + 8, 20_000, 192 * 1024 - 64, 192 * 1024, 192 * 1024 + 8, 512 * 1024 - 64, 512 * 1024])
        {
            Check<double>(ranks, bytes / sizeof(double));
            Check<float>(ranks, bytes / sizeof(float));
        }

        ranks.Out.WriteLine("as a tree");
        return 0;
    }

    private static void Check<T>(MpiRanks ranks, int count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sums = new ShardSums<T>(count, 3, ranks.Ranks);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < count; i++) sums.Values[i] = T.CreateChecked(Number(ranks.Rank, i, round));
            for (var i = 0; i < 3; i++) sums.Totals[i] = Number(ranks.Rank, -1 - i, round);
            ranks.Sum(sums);
            for (var i = 0; i < count; i++) Require(sums.Values[i] == Tree(0, ranks.Ranks, rank => T.CreateChecked(Number(rank, i, round))), i);
            for (var i = 0; i < 3; i++) Require(sums.Totals[i] == Tree(0, ranks.Ranks, rank => Number(rank, -1 - i, round)), -1 - i);
        }

        void Require(bool isIt, int i)
        {
            if (!isIt) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"Number {i} of {count} {typeof(T).Name} is not the sum in the order of the tree."));
        }
    }

    /// <summary>Of a magnitude that few others have.</summary>
    private static double Number(int rank, int i, int round)
    {
        var hash = (uint)HashCode(rank, i, round);
        return ((hash & 0xffff) / 65536.0 - 0.5) * Math.Pow(2, (hash >> 16) % 24);
    }

    private static int HashCode(int rank, int i, int round)
    {
        unchecked
        {
            var hash = (uint)(rank * 73856093 ^ i * 19349663 ^ round * 83492791);
            hash = (hash ^ hash >> 15) * 2246822519u;
            hash = (hash ^ hash >> 13) * 3266489917u;
            return (int)(hash ^ hash >> 16);
        }
    }

    /// <summary>((0 + 1) + (2 + 3)) + ...: the left branch is the largest power of two that leaves something for the right one.</summary>
    private static T Tree<T>(int first, int count, Func<int, T> number) where T : INumber<T>
    {
        if (count == 1) return number(first);
        var left = 1 << BitOperations.Log2((uint)count - 1);
        return Tree(first, left, number) + Tree(first + left, count - left, number);
    }
}
