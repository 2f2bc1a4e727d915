using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>The training loop: epochs of batches, validation, schedulers, and stopping in time.</summary>
/// <remarks>
/// <para>It uses nothing but what is public: <see cref="Fit"/> and <see cref="Step"/> are what a loop of your own would say. The position, epoch and batch,
/// is the trainer's, so <see cref="Fit"/> goes on where the last call, or the checkpoint that was loaded, ended.</para>
/// <para>A run that was saved with <see cref="SaveCheckpoint(string)"/> and resumed with <see cref="LoadCheckpoint(string, ResumeChanges)"/> gives bit for bit what it gives uninterrupted.</para>
/// </remarks>
/// <example>
/// <code>
/// var trainer = new Trainer&lt;double&gt;(model, new CrossEntropyLoss&lt;double&gt;(), new Adam&lt;double&gt;(model.Parameters), batches)
/// {
///     Validation = heldBack,
///     Metrics = [new Accuracy&lt;double&gt;()],
///     EarlyStopping = new(Patience: 5),
/// };
/// var history = trainer.Fit(epochs: 30);
/// </code>
/// </example>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed partial class Trainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ForwardPass<T> _pass;
    private readonly List<EpochResult> _epochs = [];
    private ReusedMatrix<T> _gradients;
    private double _lossSum;            // over this epoch's samples so far
    private EpochResult? _best;
    private ModelState<T>? _bestState;

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
        _hyperparameters = TakeDown();
    }

    /// <summary>The model.</summary>
    public Layer<T> Model { get; }

    /// <summary>The loss.</summary>
    public Loss<T> Loss { get; }

    /// <summary>The optimizer.</summary>
    public Optimizer<T> Optimizer { get; }

    /// <summary>The training samples.</summary>
    public Batches<T> Training { get; }

    /// <summary>Samples held back from training, looked at before the first epoch and after each; null for none.</summary>
    public Samples<T>? Validation { get; init; }

    /// <summary>What else to measure on the validation samples.</summary>
    /// <exception cref="ArgumentException">Two have the same name.</exception>
    public IReadOnlyList<Metric<T>> Metrics
    {
        get;
        init => field = value.DistinctBy(metric => metric.Name).Count() == value.Count
            ? value
            : throw new ArgumentException($"Trainer expects metrics of different names, but they are {string.Join(", ", value.Select(metric => metric.Name))}.", nameof(value));
    } = [];

    /// <summary>A scheduler to step after each epoch; it is given the validation loss, or the training loss where there is no validation.</summary>
    public LRScheduler? Scheduler { get; init; }

    /// <summary>A scheduler to step after each batch, such as <see cref="OneCycleLR"/>.</summary>
    public LRScheduler? BatchScheduler { get; init; }

    /// <summary>The norm to clip gradients to before each step, at least 0; null does not clip.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative or NaN.</exception>
    public double? MaxGradientNorm
    {
        get;
        init => field = value is double norm ? Expect.That(norm >= 0, "Trainer", norm, "at least 0", nameof(MaxGradientNorm)) : null;
    }

    /// <summary>When to stop before the last epoch; null never does.</summary>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>Epochs that are over.</summary>
    public int Epoch => _epochs.Count;

    /// <summary>Batches of the running epoch that are over.</summary>
    public int Batch { get; private set; }

    /// <summary>The epochs that are over; grows as the training goes on.</summary>
    public History History => new(_epochs);

    /// <summary>Trains until so many epochs are over, counted from the very first, or until <see cref="EarlyStopping"/> says so.</summary>
    /// <param name="epochs">Epochs in all, at least 1.</param>
    /// <param name="progress">Told after each batch and each epoch.</param>
    /// <param name="cancellation">Stops between two steps; the model is then as the last whole step left it, and another call goes on from there.</param>
    /// <returns>The history of all epochs.</returns>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    /// <exception cref="NotFiniteNumberException">The loss, or a parameter after an epoch, is NaN or infinite; the message names the epoch, the batch and the first
    /// layer where it began. The step was not taken, but a <see cref="BatchNorm1d{T}"/> has seen the batch.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epochs"/> is below 1.</exception>
    /// <exception cref="ArgumentException">The samples do not fit the model or the loss, or a class is out of range.</exception>
    public History Fit(int epochs, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        Expect.Positive("Fit", epochs, nameof(epochs));
        if (Epoch == 0 && Batch == 0 && Validation is not null) Evaluate(Validation);   // what is wrong with it is said before hours of training
        while (Epoch < epochs && !HasStoppedEarly)
        {
            while (Batch < Training.Count)
            {
                cancellation.ThrowIfCancellationRequested();
                if (Batch == 0) Training.Shuffle();
                var (x, y) = Training[Batch];
                _lossSum += double.CreateChecked(Step(x, y)) * x.RowCount;
                Batch++;
                BatchScheduler?.Step();
                progress?.Report(new TrainingProgress(Epoch + 1, epochs, Batch, Training.Count, MeanLoss, Result: null));
            }

            var result = EndEpoch();
            progress?.Report(new TrainingProgress(result.Epoch, epochs, Training.Count, Training.Count, result.TrainingLoss, result));
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
        if (!T.IsFinite(loss)) throw new NotFiniteNumberException(Invariant($"The loss is {loss} in epoch {Epoch + 1}, batch {Batch + 1}: {NotFinite.Find(_pass, y)}"), double.CreateChecked(loss));
        Optimizer.ZeroGradients();
        Model.AccumulateGradients(_pass, Loss.Backward(yHat, y, _gradients.Get(yHat.RowCount, yHat.ColumnCount)));
        if (MaxGradientNorm is double norm) GradientClipping.ByNorm(Optimizer.Parameters, norm);
        Optimizer.Step();
        return loss;
    }

    /// <summary>The loss and the metrics of the model on samples, in evaluation mode.</summary>
    /// <param name="samples">The samples.</param>
    /// <returns>The loss, and each metric's value by its name.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="samples"/> is null.</exception>
    /// <exception cref="ArgumentException">The samples do not fit the model, the loss or a metric.</exception>
    public (double Loss, IReadOnlyDictionary<string, double> Metrics) Evaluate(Samples<T> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        var prediction = Model.Forward(samples.X);
        return (double.CreateChecked(Loss.Forward(prediction, samples.Y)), Metrics.ToDictionary(metric => metric.Name, metric => metric.Of(prediction, samples.Y)));
    }

    private double MeanLoss => _lossSum / Math.Min((long)Batch * Training.BatchSize, Training.Samples.Count);

    private bool HasStoppedEarly => EarlyStopping is not null && _best is not null && Epoch - _best.Epoch >= EarlyStopping.Patience;

    private EpochResult EndEpoch()
    {
        if (NotFinite.FirstParameter(Model) is string name)
            throw new NotFiniteNumberException($"The last step of epoch {Epoch + 1}, batch {Batch}, has made {name} NaN or infinite. {NotFinite.Advice}");
        var (training, validation) = (MeanLoss, Validation is null ? default((double Loss, IReadOnlyDictionary<string, double> Metrics)?) : Evaluate(Validation));
        var result = new EpochResult(Epoch + 1, Optimizer.LearningRate, training, validation?.Loss, validation?.Metrics ?? new Dictionary<string, double>());
        _epochs.Add(result);
        (Batch, _lossSum) = (0, 0);
        Scheduler?.Step(result.ValidationLoss ?? training);
        if (EarlyStopping is null) return result;
        if (EarlyStopping.IsBetter(result, _best))
        {
            _best = result;
            if (EarlyStopping.RestoreBest) _bestState = ModelState<T>.Of(Model).Copy();
        }

        if (HasStoppedEarly) _bestState?.CopyTo(ModelState<T>.Of(Model));
        return result;
    }
}
