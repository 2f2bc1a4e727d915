using System.Diagnostics;
using System.Globalization;

namespace Backprop.Ranks;

/// <summary>The sum in tree order against MPI's own all-reduce, taking turns; the least and the median time of each.</summary>
public static class Reductions
{
    public static int Run(MpiRanks ranks)
    {
        foreach (var bytes in (int[])[1 << 14, 1 << 16, 1 << 17, 1 << 20, 1 << 22, 1 << 24])
        {
            var (sums, rounds) = (new ShardSums<double>(bytes / sizeof(double), 4, ranks.Ranks), Math.Clamp((1 << 25) / bytes, 15, 1000));
            var (ours, theirs) = (new double[rounds], new double[rounds]);
            for (var round = -5; round < rounds; round++)
            {
                var (one, other) = (Time(() => ranks.Sum(sums)), Time(() => ranks.AllReduce(sums.Values)));
                if (round >= 0) (ours[round], theirs[round]) = (one, other);
            }

            Array.Sort(ours);
            Array.Sort(theirs);
            ranks.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{bytes / 1024,6} KB   tree {ours[0],9:F0} us (median {ours[rounds / 2],9:F0})   MPI_Allreduce {theirs[0],9:F0} us (median {theirs[rounds / 2],9:F0})   ratio {ours[0] / theirs[0]:F2} (median {ours[rounds / 2] / theirs[rounds / 2]:F2})"));
        }

        return 0;

        double Time(Action action)
        {
            ranks.Meet("the start of a measurement");
            var began = Stopwatch.GetTimestamp();
            action();
            return Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        }
    }
}
