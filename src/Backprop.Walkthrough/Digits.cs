using System.IO.Compression;
using System.Numerics;
using CsvHelper;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>What the reader can change.</summary>
internal sealed record DigitsSettings(int Seed, int Epochs, int BatchSize, double LearningRate, bool Convolutional = false, double Dropout = 0, int Shards = 1)
{
    public static DigitsSettings Default { get; } = new(Seed: 42, Epochs: 30, BatchSize: 32, LearningRate: 0.01);

    public static DigitsSettings DefaultConvolutional { get; } = Default with { LearningRate = 0.003, Convolutional = true, Dropout = 0.5 };
}

/// <summary>1,797 handwritten digits, and a network that learns to read them: digits.py says the same in Python.</summary>
internal static class Digits
{
    public const int Pixels = 64, Hidden = 32, Classes = 10;

    /// <summary>A grey image of 8 x 8 pixels, and the channels of the two convolutions.</summary>
    public static readonly ImageShape Image = new(1, 8, 8);
    public const int FirstChannels = 16, SecondChannels = 32;

    /// <summary>The part of the digits that is held back to test the network with.</summary>
    public const double HeldBack = 0.2;

    /// <summary>The pixels from 0 to 1, and the digits; digits.txt says where they are from.</summary>
    public static Samples<T> Read<T>() where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var file = new GZipStream(typeof(Digits).Assembly.GetManifestResourceStream("digits.csv.gz")!, CompressionMode.Decompress);
        using var csv = CsvReader.Create(file, new CsvReaderOptions { HasHeader = false });
        var rows = new List<double[]>();
        while (csv.Read()) rows.Add([.. Enumerable.Range(0, Pixels + 1).Select(column => csv.Parse<double>(column))]);
        return new(
            Matrix<T>.Build.Dense(rows.Count, Pixels, (i, j) => T.CreateChecked(rows[i][j] / 16)),
            Matrix<T>.Build.Dense(rows.Count, 1, (i, _) => T.CreateChecked(rows[i][Pixels])));
    }

    /// <summary>Everything that is random comes from one generator, in this order: the split, the weights, then the batches of each epoch.</summary>
    /// <remarks>A last batch of fewer digits than shards is left out.</remarks>
    public static Trainer<T> NewTrainer<T>(DigitsSettings settings, ShardExchange? exchange = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var generator = new Generator(settings.Seed);
        var (training, test) = Read<T>().Split(HeldBack, generator);
        var model = settings.Convolutional ? NewConvolutional<T>(settings.Dropout, generator) : NewDense<T>(settings.Dropout, generator);
        var optimizer = new Adam<T>(model.Parameters, settings.LearningRate);
        return new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, new Batches<T>(training, settings.BatchSize, shuffle: generator, dropLast: training.Count % settings.BatchSize is > 0 and var rest && rest < settings.Shards))
        {
            Shards = settings.Shards,
            Exchange = exchange ?? ShardExchange.Alone,
            Validation = test,
            Metrics = [new Accuracy<T>()],
        };
    }

    private static Sequential<T> NewDense<T>(double dropout, Generator generator) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var model = new Sequential<T> { new Linear<T>(Pixels, Hidden, generator: generator), new Sigmoid<T>() };
        if (dropout > 0) model.Add(new Dropout<T>(dropout, generator));
        model.Add(new Linear<T>(Hidden, Classes, generator: generator));
        return model;
    }

    /// <summary>Two convolutions that keep the image's size, and the largest of every four pixels, twice.</summary>
    private static Sequential<T> NewConvolutional<T>(double dropout, Generator generator) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var first = new Conv2d<T>(Image, FirstChannels, 3, padding: 1, generator: generator);
        var second = new Conv2d<T>(first.OutputShape, SecondChannels, 3, padding: 1, generator: generator);
        var pool = new MaxPool2d<T>(second.OutputShape, 2);
        var model = new Sequential<T> { first, new ReLU<T>(), second, new ReLU<T>(), pool };
        if (dropout > 0) model.Add(new Dropout<T>(dropout, generator));
        model.Add(new Linear<T>(pool.OutputShape.Columns, Classes, generator: generator));
        return model;
    }
}
