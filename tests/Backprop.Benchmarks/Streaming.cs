using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Benchmarks;

/// <summary>The command <c>stream</c>: 784-128-10 trained from a binary file and from memory, by one computing thread, and how much memory the file took.</summary>
internal static class Streaming
{
    private const int Inputs = 784, Classes = 10, BatchSize = 64, RowBytes = (Inputs + 1) * sizeof(float);

    /// <summary>Writes a file of so many megabytes, trains, and deletes it.</summary>
    public static int Run(int megabytes, int epochs)
    {
        Control.MaxDegreeOfParallelism = 1;
        var rows = Math.Max(BatchSize, (int)(megabytes * 1_000_000L / RowBytes));
        var path = Path.Combine(Path.GetTempPath(), $"backprop-{Guid.NewGuid():N}.rows");
        try
        {
            Write(path, rows);
            var streamed = NewTrainer(new StreamedBatches<float>(() => new FileRows(path), Inputs, 1, BatchSize, new Generator(2), sampleCount: rows));

            // The model and all that is compiled are there before what the file takes is counted.
            NewTrainer(new Batches<float>(Matrix<float>.Build.Dense(BatchSize, Inputs), Matrix<float>.Build.Dense(BatchSize, 1), BatchSize)).Fit(20);
            GC.Collect();
            var before = Peak();
            streamed.Fit(1);
            var taken = Peak() - before;

            var inMemory = NewTrainer(Read(path, rows));
            inMemory.Fit(1);
            var ratios = new List<(double Ratio, double Streamed, double InMemory)>();
            for (var epoch = 2; epoch <= epochs + 1; epoch++)
            {
                double a = Seconds(streamed, epoch), b = Seconds(inMemory, epoch);
                ratios.Add((b / a, a, b));
            }

            var (ratio, ours, theirs) = ratios.Order().ElementAt(ratios.Count / 2);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows} rows of {Inputs} floats, {rows * (double)RowBytes / 1e6:F0} MB: {rows / ours:F0} samples/s streamed, {rows / theirs:F0} in memory, speed {ratio:F2} of it (median of {epochs} pairs)."));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Memory above the model's: {taken / 1e6:F1} MB."));
            return 0;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static long Peak()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    private static double Seconds(Trainer<float> trainer, int untilEpoch)
    {
        var start = Stopwatch.GetTimestamp();
        trainer.Fit(untilEpoch);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static Trainer<float> NewTrainer(BatchSource<float> source)
    {
        var model = new Network(BatchSize, Inputs, 128, Classes).NewModel<float>();
        return new(model, new CrossEntropyLoss<float>(), new SGD<float>(model.Parameters, 0.01), source);
    }

    private static void Write(string path, int rows)
    {
        var (generator, row) = (new Generator(1), new float[Inputs + 1]);
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        for (var i = 0; i < rows; i++)
        {
            generator.Uniform(row.AsSpan());
            row[Inputs] = i % Classes;
            file.Write(MemoryMarshal.AsBytes(row.AsSpan()));
        }
    }

    private static Batches<float> Read(string path, int rows)
    {
        Matrix<float> x = Matrix<float>.Build.Dense(rows, Inputs), y = Matrix<float>.Build.Dense(rows, 1);
        var (xRow, yRow) = (new float[Inputs], new float[1]);
        using var file = new FileRows(path);
        for (var i = 0; file.Read(xRow, yRow, default); i++)
        {
            x.SetRow(i, xRow);
            y[i, 0] = yRow[0];
        }

        return new(x, y, BatchSize, new Generator(2));
    }

    private sealed class FileRows(string path) : IRowReader<float>
    {
        private readonly FileStream _file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20);
        private readonly float[] _row = new float[Inputs + 1];

        public bool Read(Span<float> x, Span<float> y, CancellationToken cancellation)
        {
            var bytes = MemoryMarshal.AsBytes(_row.AsSpan());
            if (_file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) is var count && count < bytes.Length)
                return count == 0 ? false : throw new EndOfStreamException("the file ends within it.");
            _row.AsSpan(0, Inputs).CopyTo(x);
            _row.AsSpan(Inputs).CopyTo(y);
            return true;
        }

        public void Dispose() => _file.Dispose();
    }
}
