using System.Diagnostics;

namespace Backprop.Benchmarks;

/// <summary>One of those that take turns.</summary>
internal interface ISide : IDisposable
{
    /// <summary>Does the work so many times.</summary>
    void Run(int times);
}

/// <summary>
/// Lets several sides take turns, in short slices, so that whatever else the machine does hits all of them alike: only
/// their ratios mean anything.
/// </summary>
/// <remarks>
/// A block is the sides in order and then in reverse, ABCCBA, so that a drift of the clock frequency cancels to first order. Ratios are
/// taken within a block.
/// </remarks>
internal sealed class Turns
{
    private const int FewestBlocks = 5, Patience = 10;
    private readonly double[][] _times;     // [side][block], seconds a call

    public Turns(params double[][] times) => _times = times;

    /// <summary>Takes turns for about so many seconds, after warming all sides up.</summary>
    /// <param name="seconds">Time to spend, warming up included.</param>
    /// <param name="threads">Threads the sides use. With more than one, each side's idle workers are given time to fall asleep.</param>
    /// <param name="cpuTime">Count the processor time of the process instead: steadier on a busy machine, and right for one thread only.</param>
    /// <param name="sides">The sides; those with long calls first and last.</param>
    public static Turns Take(double seconds, int threads, bool cpuTime, params ISide[] sides)
    {
        var slice = threads == 1 ? 0.010 : 0.020;
        var calls = Array.ConvertAll(sides, side => WarmUp(side, Math.Max(0.2, seconds / 4 / sides.Length), slice));
        var times = Array.ConvertAll(sides, _ => new List<double>());
        var sum = new double[sides.Length];
        var total = Stopwatch.StartNew();
        var last = -1;
        while (total.Elapsed.TotalSeconds < seconds * 3 / 4 || times[0].Count < FewestBlocks && total.Elapsed.TotalSeconds < seconds * Patience)
        {
            Array.Clear(sum);
            for (var turn = 0; turn < 2 * sides.Length; turn++)
            {
                var s = turn < sides.Length ? turn : 2 * sides.Length - 1 - turn;
                if (s != last)
                {
                    // libgomp's workers spin for some milliseconds after their work, on the core that the next side wants.
                    if (threads > 1) Spin(0.010);
                    sides[s].Run(1 + calls[s] / 8);     // caches and branch predictors are the other side's
                }

                sum[s] += Time(sides[s], calls[s], cpuTime);
                last = s;
            }

            for (var s = 0; s < sides.Length; s++) times[s].Add(sum[s] / (2 * calls[s]));
        }

        return new Turns(Array.ConvertAll(times, list => list.ToArray()));
    }

    /// <summary>Seconds a call of a side takes: the median over the blocks.</summary>
    public double Seconds(int side) => Quantile(_times[side], 0.5);

    /// <summary>The shortest: what the code can do where nobody else wants the machine.</summary>
    public double Best(int side) => _times[side].Min();

    /// <summary>How many times as long the one side takes as the other: median, 10th and 90th percentile of the ratios within each block.</summary>
    public (double Median, double Low, double High) Ratio(int side, int to)
    {
        var ratios = _times[side].Zip(_times[to], (a, b) => a / b).ToArray();
        return (Quantile(ratios, 0.5), Quantile(ratios, 0.1), Quantile(ratios, 0.9));
    }

    /// <summary>Bytes of managed memory a call takes from the heap, on all threads.</summary>
    /// <remarks>The least of three counts, since the runtime itself allocates now and then.</remarks>
    public static long BytesPerCall(ISide side)
    {
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 3 && least > 0; attempt++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            side.Run(4);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / 4);
        }

        return least;
    }

    /// <summary>Runs a side for about so many seconds and finds the calls that fill a slice.</summary>
    public static int WarmUp(ISide side, double seconds, double slice)
    {
        var total = Stopwatch.StartNew();
        var calls = 1;
        while (true)
        {
            var time = Time(side, calls);
            if (total.Elapsed.TotalSeconds >= seconds) return Math.Max(1, (int)Math.Min(slice * calls / time, 1_000_000));
            if (time < slice) calls *= 2;
        }
    }

    private static double Time(ISide side, int calls, bool cpuTime = false)
    {
        var startCpu = Environment.CpuUsage.TotalTime;
        var start = Stopwatch.GetTimestamp();
        side.Run(calls);
        return (cpuTime ? Environment.CpuUsage.TotalTime - startCpu : Stopwatch.GetElapsedTime(start)).TotalSeconds;
    }

    private static void Spin(double seconds)
    {
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds) Thread.SpinWait(20);
    }

    private static double Quantile(double[] values, double q)
    {
        var sorted = values.Order().ToArray();
        var at = q * (sorted.Length - 1);
        var (low, part) = ((int)at, at - Math.Floor(at));
        return low + 1 < sorted.Length ? sorted[low] + part * (sorted[low + 1] - sorted[low]) : sorted[low];
    }
}
