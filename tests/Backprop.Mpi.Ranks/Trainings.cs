using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Ranks;

/// <summary>A training of each kind, the same one wherever it is built.</summary>
public static class Trainings
{
    public const int BatchesAnEpoch = 5;

    /// <summary>BatchNorm, Dropout, clipping, accumulation, two schedulers, metrics, early stopping.</summary>
    public static Trainer<T> Mlp<T>(ShardExchange exchange, int shards, int seed = 1, int hidden = 24, int samples = 240, bool isDeeper = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var generator = new Generator(seed);
        var model = new Sequential<T>
        {
            new Linear<T>(12, hidden, generator: generator), new BatchNorm1d<T>(hidden), new GELU<T>(), new Dropout<T>(0.2, generator), new Linear<T>(hidden, 4, generator: generator),
        };
        if (isDeeper) model.Add(new Linear<T>(4, 4, generator: generator));
        var optimizer = new AdamW<T>(model.Parameters, 0.01);
        var (x, y) = Data<T>(samples, 12, 4, seed: 3);
        var (heldX, heldY) = Data<T>(60, 12, 4, seed: 4);
        return new(model, new CrossEntropyLoss<T>(), optimizer, new Batches<T>(x, y, 48, generator, dropLast: true))
        {
            Shards = shards,
            Exchange = exchange,
            Validation = new(heldX, heldY),
            Metrics = [new Accuracy<T>()],
            MaxGradientNorm = 0.5,
            GradientAccumulationSteps = 2,
            Scheduler = new ReduceLROnPlateau(optimizer, patience: 3),
            EarlyStopping = new(Patience: 1000, RestoreBest: true),
        };
    }

    public static Trainer<T> Cnn<T>(ShardExchange exchange, int shards) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var generator = new Generator(2);
        var first = new Conv2d<T>(new ImageShape(1, 8, 8), 6, 3, padding: 1, generator: generator);
        var pool = new MaxPool2d<T>(first.OutputShape, 2);
        var model = new Sequential<T> { first, new BatchNorm2d<T>(first.OutputShape), new ReLU<T>(), pool, new Linear<T>(pool.OutputShape.Columns, 4, generator: generator) };
        var (x, y) = Data<T>(240, 64, 4, seed: 5);
        return new(model, new CrossEntropyLoss<T>(), new SGD<T>(model.Parameters, 0.05, momentum: 0.9), new Batches<T>(x, y, 48, generator)) { Shards = shards, Exchange = exchange };
    }

    public static Trainer<T> Gpt<T>(ShardExchange exchange, int shards) where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int Steps = 8, Words = 13, Width = 16, Sequences = 240;
        var generator = new Generator(2);
        var model = new Sequential<T>
        {
            new Embedding<T>(Words, Width, generator: generator), new PositionalEmbedding<T>(Steps, Width, generator),
            new TransformerEncoderLayer<T>(Width, 2, Steps, 32, dropout: 0.1, normFirst: true, causal: true, generator: generator), new LayerNorm<T>(Width), new Linear<T>(Width, Words, generator: generator),
        };
        var x = Matrix<T>.Build.Dense(Sequences * Steps, 1, (i, _) => T.CreateChecked(i * i % 31 % Words));
        var y = Matrix<T>.Build.Dense(Sequences * Steps, 1, (i, _) => T.CreateChecked((i + 1) * (i + 1) % 31 % Words));
        var optimizer = new AdamW<T>(model.Parameters, 0.003);
        return new(model, new CrossEntropyLoss<T>(), optimizer, new Batches<T>(new Samples<T>(x, y, inputRows: Steps, targetRows: Steps), 48, generator))
        {
            Shards = shards,
            Exchange = exchange,
            MaxGradientNorm = 1,
            BatchScheduler = new OneCycleLR(optimizer, 0.01, 100_000),
        };
    }

    /// <summary>Samples of classes that can be learned.</summary>
    public static (Matrix<T> X, Matrix<T> Y) Data<T>(int samples, int features, int classes, int seed) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        var x = Matrix<T>.Build.Dense(samples, features, (_, _) => T.CreateChecked(random.NextDouble() * 2 - 1));
        return (x, Matrix<T>.Build.Dense(samples, 1, (i, _) => T.CreateChecked(Math.Clamp((int)((double.CreateChecked(x[i, 0] + x[i, 1]) + 1) / 2 * classes), 0, classes - 1))));
    }

    /// <summary>A hash of all that was learned, and of the losses on the way.</summary>
    public static string Hash<T>(Layer<T> model, IEnumerable<double>? losses = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (_, parameter) in model.NamedParameters()) hash.AppendData(MemoryMarshal.AsBytes((ReadOnlySpan<T>)parameter.Values));
        foreach (var (_, buffer) in model.NamedBuffers()) hash.AppendData(MemoryMarshal.AsBytes((ReadOnlySpan<T>)buffer.Values));
        foreach (var loss in losses ?? []) hash.AppendData(BitConverter.GetBytes(loss));
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }
}
