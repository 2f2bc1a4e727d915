using System.Diagnostics;
using System.Globalization;
using Backprop.Kernels;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Benchmarks;

/// <summary>The command <c>threads</c>: what it costs to share a job among threads, measured here, and what follows from that, on paper, for a machine with 64 processors.</summary>
internal static class ThreadCosts
{
    private const int Size = 512, ManyParts = 64;
    private static readonly int[] Threads = [1, 2, 4, 8, 16, 32, 64];

    public static int Run(double seconds)
    {
        Control.MaxDegreeOfParallelism = 2;
        var two = Least(seconds, 1000, () => RunEmpty(2, 1));
        var part = (Least(seconds, 100, () => RunEmpty(ManyParts, 1)) - two) / (ManyParts - 2);
        var asleep = AfterSleep(seconds);
        Control.MaxDegreeOfParallelism = 1;
        Matrix<float> x = Data.Uniform<float>(Size, Size, 1), w = Data.Uniform<float>(Size, Size, 2);
        var layer = new Linear<float>(Size, Size, generator: new Generator(1));
        w.CopyTo(layer.Weight.Value);
        var pass = layer.NewPass();
        var rate = (double)Size * Size * Size / Least(seconds, 1, () => layer.Forward(x, pass));

        Console.WriteLine(Machine.Name);
        Print($"a job of two empty parts, its helper awake: {two * 1e9:F0} ns");
        Print($"each further part: {part * 1e9:F0} ns");
        Print($"a job of two empty parts, its helper asleep: {asleep * 1e6:F1} us");
        Print($"multiply-adds of a product of {Size}, float, one thread: {rate / 1e9:F1} a nanosecond");
        Console.WriteLine();
        Console.WriteLine("On paper, t(p) = W / (p r) + p c with W multiply-adds, p threads, r of them a second, and c what a part costs everybody: microseconds for c measured here | for c = 100 ns");
        Console.WriteLine($"{"multiply-adds",14}{string.Concat(Threads.Select(p => $"{p,12}"))}   taken of 64");
        for (var work = 1L << 17; work <= 1L << 29; work <<= 2)
            Print($"{work,14:N0}{string.Concat(Threads.Select(p => Invariant($"{Time(work, p, rate, part) * 1e6,6:F0}|{Time(work, p, rate, 100e-9) * 1e6,-5:F0}")))}   {Workers.For(work, 64)}");
        return 0;
    }

    private static double Time(long work, int threads, double rate, double part) => work / (threads * rate) + (threads > 1 ? threads * part : 0);

    private static void RunEmpty(int parts, int helpers)
    {
        var work = default(Empty);
        Workers.Run(ref work, parts, helpers);
    }

    /// <summary>The least time of one call, of many tries.</summary>
    private static double Least(double seconds, int calls, Action call)
    {
        var least = double.MaxValue;
        for (var end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency); Stopwatch.GetTimestamp() < end;)
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < calls; i++) call();
            least = Math.Min(least, Stopwatch.GetElapsedTime(began).TotalSeconds / calls);
        }

        return least;
    }

    /// <summary>The median time of a job whose helper has gone to sleep.</summary>
    private static double AfterSleep(double seconds)
    {
        var times = new List<double>();
        for (var end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency); Stopwatch.GetTimestamp() < end;)
        {
            Thread.Sleep(2);
            var began = Stopwatch.GetTimestamp();
            RunEmpty(2, 1);
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        return times.Order().ElementAt(times.Count / 2);
    }

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private struct Empty : IParts
    {
        public readonly void Run(int part, int parts) { }
    }
}
