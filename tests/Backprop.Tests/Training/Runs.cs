using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>Small trainings, built anew as often as needed: the same settings give the same run.</summary>
public static class Runs
{
    public const int Features = 6, Classes = 3;

    public sealed record Settings(
        int Samples = 23, int BatchSize = 5, int Seed = 1, bool DropLast = false, string Optimizer = "adam", string? Scheduler = null, bool OneCycle = false,
        double LearningRate = 0.02, double Dropout = 0.3, bool BatchNorm = true, bool Validation = true, double? Clip = null, EarlyStopping? EarlyStopping = null, int Hidden = 4, int Epochs = 6, int Accumulate = 1);

    public static Trainer<T> Build<T>(Settings settings) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var generator = new Generator(settings.Seed);
        var model = new Sequential<T> { { "hidden", new Linear<T>(Features, settings.Hidden, generator: generator) } };
        if (settings.BatchNorm) model.Add("norm", new BatchNorm1d<T>(settings.Hidden));
        model.Add("activation", new Sigmoid<T>());
        if (settings.Dropout > 0) model.Add("dropout", new Dropout<T>(settings.Dropout, new Generator(settings.Seed + 1)));
        model.Add("output", new Linear<T>(settings.Hidden, Classes, generator: generator));
        Optimizer<T> optimizer = settings.Optimizer switch
        {
            "sgd" => new SGD<T>(model.Parameters, settings.LearningRate),
            "momentum" => new SGD<T>(model.Parameters, settings.LearningRate, momentum: 0.9),
            "rmsprop" => new RMSprop<T>(model.Parameters, settings.LearningRate),
            _ => new Adam<T>(model.Parameters, settings.LearningRate),
        };
        var batches = new Batches<T>(Samples<T>(settings.Samples, settings.Seed), settings.BatchSize, generator, settings.DropLast);
        return new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, batches)
        {
            Validation = settings.Validation ? Samples<T>(11, settings.Seed + 7) : null,
            Metrics = [new Accuracy<T>(), new Accuracy<T>(2)],
            MaxGradientNorm = settings.Clip,
            GradientAccumulationSteps = settings.Accumulate,
            Scheduler = settings.Scheduler switch
            {
                "step" => new StepLR(optimizer, stepSize: 2, gamma: 0.5),
                "plateau" => new ReduceLROnPlateau(optimizer, patience: 0, threshold: 0.1),
                _ => null,
            },
            BatchScheduler = settings.OneCycle ? new OneCycleLR(optimizer, 0.1, settings.Epochs * ((batches.Count - 1) / settings.Accumulate + 1)) : null,
            EarlyStopping = settings.EarlyStopping,
        };
    }

    /// <summary>Samples with classes that can be learned, in part.</summary>
    public static Samples<T> Samples<T>(int count, int seed) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var x = Any.Matrix<T>(count, Features, seed);
        return new(x, Matrix<T>.Build.Dense(count, 1, (i, _) => x[i, 0] > T.Zero ? T.One : x[i, 1] > T.Zero ? T.Zero : T.CreateChecked(2)));
    }

    /// <summary>All that a training has come to, bit for bit.</summary>
    public static string Bits<T>(Trainer<T> trainer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var state = trainer.Optimizer.GetState();
        return string.Join('\n', (string[])
        [
            $"{trainer.Epoch} {trainer.Batch}", Model(trainer.Model),
            .. state.Numbers.OrderBy(number => number.Key, StringComparer.Ordinal).Select(number => $"{number.Key} {number.Value:R}"),
            .. state.Arrays.Keys.Order(StringComparer.Ordinal).Select(key => $"{key} {Hex<T>(state.Arrays[key])}"),
            .. (trainer.Scheduler?.GetState() ?? new Dictionary<string, double>()).Select(number => $"{number.Key} {number.Value:R}"),
            .. (trainer.BatchScheduler?.GetState() ?? new Dictionary<string, double>()).Select(number => $"{number.Key} {number.Value:R}"),
            .. trainer.Model.Generators.Append(trainer.Training.Generator).OfType<Generator>().Select(generator => Convert.ToHexString(generator.GetState())),
            .. trainer.Training.GetState(trainer.Batch).Select(state => $"{state.Key} {string.Join(' ', state.Value)}"),
            .. trainer.History.Epochs.Select(epoch => $"{epoch.Epoch} {epoch.LearningRate:R} {epoch.TrainingLoss:R} {epoch.ValidationLoss:R} {string.Join(' ', epoch.Metrics.Select(metric => $"{metric.Key} {metric.Value:R}"))}"),
        ]);
    }

    public static string Model<T>(Layer<T> model) where T : unmanaged, IFloatingPointIeee754<T> => string.Join('\n',
        model.NamedParameters().Select(named => $"{named.Name} {Hex<T>(named.Parameter.Values)}").Concat(
            model.NamedBuffers().Select(named => $"{named.Name} {(named.Buffer is CounterBuffer<T> counter ? counter.Value : Hex<T>(((VectorBuffer<T>)named.Buffer).Values))}")));

    /// <summary>The same of any model, matrices among its buffers.</summary>
    public static string ModelState<T>(Layer<T> model) where T : unmanaged, IFloatingPointIeee754<T> => string.Join('\n',
        model.NamedParameters().Select(named => $"{named.Name} {Hex<T>(named.Parameter.Values)}").Concat(
            model.NamedBuffers().Select(named => $"{named.Name} {(named.Buffer as CounterBuffer<T>)?.Value} {Hex<T>(named.Buffer.Values)}")));

    private static string Hex<T>(ReadOnlySpan<T> values) where T : unmanaged => Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));
}
