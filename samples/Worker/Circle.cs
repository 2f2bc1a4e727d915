using Backprop;
using MathNet.Numerics.LinearAlgebra;

namespace Samples.Worker;

/// <summary>What is trained: whether points lie inside a circle. Whoever resumes builds the same again, from the same seed.</summary>
internal static class Circle
{
    internal const int Epochs = 400;

    internal static Trainer<double> NewTrainer()
    {
        var generator = new Generator(seed: 1);
        var x = Matrix<double>.Build.Dense(2000, 2);
        Init.Uniform(x, -1, 1, generator);
        var y = Matrix<double>.Build.Dense(x.RowCount, 1, (i, _) => x[i, 0] * x[i, 0] + x[i, 1] * x[i, 1] < 0.5 ? 1 : 0);
        var (training, heldBack) = new Samples<double>(x, y).Split(heldBack: 0.2, generator);
        var model = new Sequential<double>
        {
            { "hidden", new Linear<double>(2, 64, generator: generator) },
            { "activation", new Tanh<double>() },
            { "dropout", new Dropout<double>(0.1, generator) },
            { "output", new Linear<double>(64, 2, generator: generator) },
        };
        var adam = new Adam<double>(model.Parameters, learningRate: 0.01);
        return new(model, new CrossEntropyLoss<double>(), adam, new Batches<double>(training, batchSize: 32, shuffle: generator))
        {
            Validation = heldBack,
            Scheduler = new CosineAnnealingLR(adam, Epochs),
        };
    }
}
