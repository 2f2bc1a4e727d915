using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>The training loop: epochs of batches, validation, schedulers, and stopping in time.</summary>
/// <remarks>
/// <para>It uses nothing but the library's public methods; <see cref="Step"/> is what a loop of your own would say. The position - epoch and batch -
/// is the trainer's, so <see cref="Fit"/> goes on where the last call, or the checkpoint that was loaded, stopped.</para>
/// <para>A run that was saved with <see cref="SaveCheckpoint"/> and resumed with <see cref="LoadCheckpoint"/> gives bit for bit what it gives uninterrupted.</para>
/// </remarks>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed partial class Trainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ForwardPass<T> _pass;
    private MatrixBuffer<T> _gradients;
    private double _lossSum;
    private long _lossSamples;
    private T[][]? _best;

    /// <summary>Brings together what a training needs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="optimizer">The optimizer of the model's parameters.</param>
    /// <param name="training">The training samples.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public Trainer(Layer<T> model, Loss<T> loss, Optimizer<T> optimizer, Batches<T> training)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(training);
        (Model, Loss, Optimizer, Training) = (model, loss, optimizer, training);
        _pass = model.NewPass();
    }

    /// <summary>The model.</summary>
    public Layer<T> Model { get; }

    /// <summary>The loss.</summary>
    public Loss<T> Loss { get; }

    /// <summary>The optimizer.</summary>
    public Optimizer<T> Optimizer { get; }

    /// <summary>The training samples.</summary>
    public Batches<T> Training { get; }

    /// <summary>Samples held back from training, looked at after each epoch; null for none.</summary>
    public Samples<T>? Validation { get; init; }

    /// <summary>What else to measure on the validation samples.</summary>
    public IReadOnlyList<Metric<T>> Metrics { get; init; } = [];

    /// <summary>A scheduler to step after each epoch; it is given the validation loss, or the training loss without validation.</summary>
    public LRScheduler? Scheduler { get; init; }

    /// <summary>A scheduler to step after each batch, such as <see cref="OneCycleLR"/>.</summary>
    public LRScheduler? BatchScheduler { get; init; }

    /// <summary>The norm to clip gradients to before each step; null does not clip.</summary>
    public double? MaxGradientNorm { get; init; }

    /// <summary>When to stop before the last epoch; null never does.</summary>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>The generators of the model's layers (dropout), to be kept in checkpoints. That of <see cref="Training"/> is kept anyway.</summary>
    public IReadOnlyList<Generator> Generators { get; init; } = [];

    /// <summary>Epochs that are over.</summary>
    public int Epoch { get; private set; }

    /// <summary>Batches of the running epoch that are over.</summary>
    public int Batch { get; private set; }

    /// <summary>One entry for each epoch that is over.</summary>
    public History History { get; private set; } = new([]);

    /// <summary>Trains until so many epochs are over, counted from the very first, or until <see cref="EarlyStopping"/> says so.</summary>
    /// <param name="epochs">Epochs in all, at least 1.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Stops between two steps; the model is then as the last whole step left it, and another call goes on from there.</param>
    /// <returns>The history of all epochs.</returns>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    /// <exception cref="NotFiniteNumberException">The loss is NaN or infinite; the message names epoch, batch and the first layer where it began. The step was not taken.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epochs"/> is below 1.</exception>
    public History Fit(int epochs, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        Shape.Positive("Fit", epochs, nameof(epochs));
        while (Epoch < epochs && !HasStoppedEarly)
        {
            if (Batch == 0) Training.Shuffle();
            while (Batch < Training.Count)
            {
                cancellation.ThrowIfCancellationRequested();
                var (x, y) = Training[Batch];
                var loss = double.CreateChecked(Step(x, y));
                _lossSum += loss * x.RowCount;
                _lossSamples += x.RowCount;
                Batch++;
                BatchScheduler?.Step();
                progress?.Report(new TrainingProgress(Epoch, epochs, Batch, Training.Count, loss, _lossSum / _lossSamples, History));
            }

            EndEpoch();
        }

        return History;
    }

    /// <summary>One training step: forward, loss, backward, and the optimizer's step.</summary>
    /// <param name="x">Inputs, samples x features.</param>
    /// <param name="y">Their targets.</param>
    /// <returns>The loss before the step.</returns>
    /// <exception cref="NotFiniteNumberException">The loss is NaN or infinite. The step was not taken.</exception>
    public T Step(Matrix<T> x, Matrix<T> y)
    {
        var yHat = Model.Forward(x, _pass);
        var loss = Loss.Forward(yHat, y);
        if (!T.IsFinite(loss)) throw Diverged(loss);
        Optimizer.ZeroGradients();
        Model.AccumulateGradients(_pass, Loss.Backward(yHat, y, _gradients.Get(yHat.RowCount, yHat.ColumnCount)));
        if (MaxGradientNorm is double norm) GradientClipping.ByNorm(Optimizer.Parameters, norm);
        Optimizer.Step();
        return loss;
    }

    /// <summary>The loss and the metrics of a model on samples, in evaluation mode.</summary>
    /// <param name="samples">The samples.</param>
    /// <returns>The loss, and each metric's value by its name.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="samples"/> is null.</exception>
    public (double Loss, IReadOnlyDictionary<string, double> Metrics) Evaluate(Samples<T> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        var prediction = Model.Forward(samples.X);
        return (double.CreateChecked(Loss.Forward(prediction, samples.Y)), Metrics.ToDictionary(metric => metric.Name, metric => metric.Of(prediction, samples.Y)));
    }

    private bool HasStoppedEarly => EarlyStopping is not null && History.Epochs.Count - 1 - History.BestEpoch(EarlyStopping.MinDelta) >= EarlyStopping.Patience;

    private void EndEpoch()
    {
        var rate = Optimizer.Groups[0].LearningRate;
        var training = _lossSum / _lossSamples;
        var validation = Validation is null ? (Loss: double.NaN, Metrics: new Dictionary<string, double>()) : Evaluate(Validation);
        History = History.With(new EpochResult(Epoch + 1, rate, training, Validation is null ? null : validation.Loss, validation.Metrics));
        (Epoch, Batch, _lossSum, _lossSamples) = (Epoch + 1, 0, 0, 0);
        Scheduler?.Step(Validation is null ? training : validation.Loss);
        if (EarlyStopping is null) return;
        if (History.BestEpoch(EarlyStopping.MinDelta) == History.Epochs.Count - 1) Copy(from: Model.Parameters, to: ref _best);
        if (HasStoppedEarly && EarlyStopping.RestoreBest) Restore(_best);
    }

    private NotFiniteNumberException Diverged(T loss)
    {
        var where = FirstNotFinite(_pass, "") ?? "the loss itself";
        return new NotFiniteNumberException(FormattableString.Invariant(
            $"The loss is {loss} in epoch {Epoch + 1}, batch {Batch + 1}: the first value that is not finite comes from {where}. A smaller learning rate or clipped gradients may help."), double.CreateChecked(loss));
    }

    private static string? FirstNotFinite(ForwardPass<T> pass, string path)
    {
        if (!IsFinite(pass.Input)) return path.Length == 0 ? "the input x" : null;
        foreach (var (step, child) in pass.Steps.Zip(pass.Layer.Children))
            if (FirstNotFinite(step, path.Length == 0 ? child.Name : $"{path}.{child.Name}") is string found) return found;
        return IsFinite(pass.Output) ? null : path.Length == 0 ? $"{pass.Layer}" : $"{path}, {pass.Layer}";
    }

    private static bool IsFinite(Matrix<T> x)
    {
        foreach (var value in x.Span())
            if (!T.IsFinite(value)) return false;
        return true;
    }

    private static void Copy(IReadOnlyList<Parameter<T>> from, ref T[][]? to)
    {
        to ??= [.. from.Select(parameter => new T[parameter.Count])];
        for (var i = 0; i < to.Length; i++) from[i].Values.CopyTo(to[i]);
    }

    private void Restore(T[][]? values)
    {
        var parameters = Model.Parameters;
        for (var i = 0; i < values?.Length; i++) values[i].CopyTo(parameters[i].Values);
    }
}

/// <summary>Stops a training that no longer gets better.</summary>
/// <param name="Patience">Epochs in a row without a better loss after which to stop, at least 1.</param>
/// <param name="MinDelta">By how much a loss must be lower to be better.</param>
/// <param name="RestoreBest">Whether the model gets back the parameters of its best epoch.</param>
public sealed record EarlyStopping(int Patience, double MinDelta = 0, bool RestoreBest = true)
{
    /// <summary>Epochs in a row without a better loss after which to stop.</summary>
    public int Patience { get; } = Shape.Positive("EarlyStopping", Patience, nameof(Patience));

    /// <summary>By how much a loss must be lower to be better.</summary>
    public double MinDelta { get; } = Expect.AtLeastZero("EarlyStopping", MinDelta, nameof(MinDelta));
}

/// <summary>Where a training is.</summary>
/// <param name="Epoch">Epochs that are over.</param>
/// <param name="Epochs">Epochs in all.</param>
/// <param name="Batch">Batches of this epoch that are over.</param>
/// <param name="Batches">Batches in an epoch.</param>
/// <param name="Loss">The last batch's loss.</param>
/// <param name="MeanLoss">The mean over this epoch's samples so far.</param>
/// <param name="History">The epochs that are over.</param>
public readonly record struct TrainingProgress(int Epoch, int Epochs, int Batch, int Batches, double Loss, double MeanLoss, History History);
