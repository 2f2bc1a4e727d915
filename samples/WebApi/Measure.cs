using System.Diagnostics;
using System.Globalization;
using Backprop;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Samples.WebApi;

/// <summary>Predictions a second of several callers at once, with one thread for each product and with all of them, in turns, so that a busy moment meets both.</summary>
internal static class Measure
{
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(0.5);

    internal static int Run()
    {
        var all = Control.MaxDegreeOfParallelism;
        Console.WriteLine($"{Environment.ProcessorCount} processors; rows a second, median of 5 turns (least-most)");
        Console.WriteLine("| network | rows a call | callers | one thread a product | all | one / all |\n|---|--:|--:|--:|--:|--:|");
        foreach (var (widths, rows) in ((int[], int)[])[([784, 128, 10], 1), ([784, 128, 10], 64), ([784, 2048, 2048, 10], 1), ([784, 2048, 2048, 10], 64)])
        {
            var model = new Sequential<float>();
            for (var i = 0; i + 1 < widths.Length; i++)
            {
                if (i > 0) model.Add(new ReLU<float>());
                model.Add(new Linear<float>(widths[i], widths[i + 1], generator: new Generator(i)));
            }

            foreach (var callers in (int[])[1, 2, 8])
            {
                List<double> one = [], most = [];
                for (var turn = -1; turn < 5; turn++)       // the first warms up
                {
                    var (a, b) = (RowsASecond(model, rows, callers, 1), RowsASecond(model, rows, callers, all));
                    if (turn < 0) continue;
                    one.Add(a);
                    most.Add(b);
                }

                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {string.Join('-', widths)} | {rows} | {callers} | {Text(one)} | {Text(most)} | {Median(one) / Median(most):F2} |"));
            }
        }

        return 0;
    }

    private static double RowsASecond(Layer<float> model, int rows, int callers, int threads)
    {
        Control.MaxDegreeOfParallelism = threads;
        var (calls, watch) = (0L, Stopwatch.StartNew());
        var workers = Enumerable.Range(0, callers).Select(seed => new Thread(() =>
        {
            var x = Matrix<float>.Build.Dense(rows, model.InputColumns!.Value, (i, j) => (i + j + seed) % 7 / 7f);
            var (result, own) = (Matrix<float>.Build.Dense(rows, 10), 0L);
            for (; watch.Elapsed < Turn; own++) model.Predict(x, result);
            Interlocked.Add(ref calls, own);
        })).ToArray();
        foreach (var worker in workers) worker.Start();
        foreach (var worker in workers) worker.Join();
        return calls * rows / watch.Elapsed.TotalSeconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Text(List<double> values) => string.Create(CultureInfo.InvariantCulture, $"{Median(values):N0} ({values.Min():N0}-{values.Max():N0})");
}
