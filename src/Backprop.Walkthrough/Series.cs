using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>What the reader can change.</summary>
internal sealed record SeriesSettings(int Seed, int Epochs, int BatchSize, double LearningRate, double Dropout)
{
    public static SeriesSettings Default { get; } = new(Seed: 42, Epochs: 20, BatchSize: 32, LearningRate: 0.01, Dropout: 0.1);
}

/// <summary>A series of two oscillations and noise, and a recurrent network that learns to say its next value from the 24 before.</summary>
internal static class Series
{
    public const int Steps = 24, Hidden = 16, Layers = 2;

    private const int Length = 700;

    /// <summary>The part of the series that is held back to test the network with: its end.</summary>
    private const double HeldBack = 0.2;

    /// <summary>The samples to learn from and those to test with: 24 values and the next one. No value of the one part is in the other.</summary>
    public static (Samples<T> Training, Samples<T> Test) Read<T>(int seed) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var noise = new double[Length];
        new Generator(seed).Uniform<double>(noise, -0.1, 0.1);
        var values = Enumerable.Range(0, Length).Select(k => Math.Sin(2 * Math.PI * k / 17) + Math.Sin(2 * Math.PI * k / 29) / 2 + noise[k]).ToArray();
        var count = Length - Steps;
        var samples = new Samples<T>(
            Matrix<T>.Build.Dense(count * Steps, 1, (row, _) => T.CreateChecked(values[row / Steps + row % Steps])),
            Matrix<T>.Build.Dense(count, 1, (i, _) => T.CreateChecked(values[i + Steps])),
            inputRows: Steps);
        return samples.SplitInOrder(HeldBack, gap: Steps);
    }

    /// <summary>The error of who says that the next value is the last one.</summary>
    public static double NaiveError<T>(Samples<T> samples) where T : unmanaged, IFloatingPointIeee754<T> =>
        new RootMeanSquaredError<T>().Of(new LastStep<T>(Steps).Forward(samples.X), samples.Y);

    /// <summary>One generator draws the weights. Begun anew, it draws batches and what dropout drops, in the order in which they are needed.</summary>
    public static Trainer<T> NewTrainer<T>(SeriesSettings settings) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var generator = new Generator(settings.Seed);
        var (training, test) = Read<T>(settings.Seed);
        var model = new Sequential<T>
        {
            { "lstm", new LSTM<T>(1, Hidden, Steps, Layers, dropout: settings.Dropout, generator: generator) },
            { "last", new LastStep<T>(Steps) },
            { "out", new Linear<T>(Hidden, 1, generator: generator) },
        };
        generator.ManualSeed(settings.Seed);
        return new Trainer<T>(model, new MSELoss<T>(), new Adam<T>(model.Parameters, settings.LearningRate), new Batches<T>(training, settings.BatchSize, shuffle: generator))
        {
            Validation = test,
            Metrics = [new RootMeanSquaredError<T>()],
        };
    }

    /// <summary>The same training once more, step by step.</summary>
    /// <returns>The loss before each step.</returns>
    public static IEnumerable<double> Losses<T>(SeriesSettings settings) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var trainer = NewTrainer<T>(settings);
        var batches = (Batches<T>)trainer.Training;
        for (var epoch = 0; epoch < settings.Epochs; epoch++)
        {
            batches.Shuffle();
            for (var i = 0; i < batches.Count; i++)
            {
                var (x, y) = batches.Gather(i);
                yield return double.CreateChecked(trainer.Step(x, y));
            }
        }
    }
}
