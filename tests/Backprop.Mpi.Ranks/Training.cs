using System.Globalization;
using System.Numerics;

namespace Backprop.Ranks;

/// <summary>Trains, and prints a hash of what was learned.</summary>
public static class Training
{
    public static int Run(MpiRanks ranks, Options options)
    {
        foreach (var subject in options.Subject == "all" ? ["mlp", "mlp-float", "cnn", "gpt", "loop"] : options.Subject.Split(','))
        {
            var exchange = options.Plain ? ranks.Plain : ranks;
            var hash = subject switch
            {
                "mlp" => Train(Trainings.Mlp<double>(exchange, options.Shards), options),
                "mlp-float" => Train(Trainings.Mlp<float>(exchange, options.Shards), options),
                "cnn" => Train(Trainings.Cnn<float>(exchange, options.Shards), options),
                "gpt" => Train(Trainings.Gpt<double>(exchange, options.Shards), options),
                "loop" => Loop(exchange, options),
                _ => throw new ArgumentException($"Backprop.Mpi.Ranks knows no training {subject}."),
            };
            ranks.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{subject} {hash}"));
        }

        return 0;
    }

    private static string Train<T>(Trainer<T> trainer, Options options) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (options.Resume is not null) trainer.LoadCheckpoint(options.Resume);
        trainer.Fit(options.Steps / Trainings.BatchesAnEpoch, progress =>
        {
            if (progress.Moment == TrainingMoment.EpochEnd && options.Save is not null) trainer.SaveCheckpoint(options.Save);
        });
        return Trainings.Hash(trainer.Model, trainer.History.Epochs.SelectMany(epoch => (double[])[epoch.TrainingLoss, epoch.ValidationLoss ?? 0, .. epoch.Metrics.Values]));
    }

    /// <summary>A loop of one's own; counts what a step allocates.</summary>
    public static string Loop(ShardExchange exchange, Options options)
    {
        var generator = new Generator(7);
        var model = new Sequential<double> { new Linear<double>(12, 16, generator: generator), new BatchNorm1d<double>(16), new Tanh<double>(), new Dropout<double>(0.2, generator), new Linear<double>(16, 4, generator: generator) };
        var (optimizer, loss, pass) = (new Adam<double>(model.Parameters, 0.01), new CrossEntropyLoss<double>(), model.NewPass());
        var (x, y) = Trainings.Data<double>(48, 12, 4, seed: 3);
        var sharded = new ShardedGradients<double>(model, optimizer, options.Shards, exchange);
        var (gradient, losses) = (default(MathNet.Numerics.LinearAlgebra.Matrix<double>), new double[options.Steps]);
        Func<Batch<double>, LossTerm> shard = part =>
        {
            var (yHat, samples) = (model.Forward(part.X, pass), part.X.RowCount);
            if (gradient?.RowCount != samples) gradient = MathNet.Numerics.LinearAlgebra.Matrix<double>.Build.Dense(samples, 4);
            var value = loss.ForwardBackward(yHat, part.Y, gradient);
            gradient.Multiply(samples, gradient);   // of the sum, not of the mean
            model.AccumulateGradients(pass, gradient);
            return new(value * samples, samples);
        };
        var before = 0L;
        for (var step = 0; step < options.Steps; step++)
        {
            if (step == 5) before = GC.GetAllocatedBytesForCurrentThread();
            var total = sharded.Compute(new(x, y), shard);
            losses[step] = total.Sum / total.Divisor;
            optimizer.Step();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated != 0) throw new InvalidOperationException($"Steps are expected to allocate nothing, but they have allocated {allocated} bytes.");
        return Trainings.Hash(model, losses);
    }
}
