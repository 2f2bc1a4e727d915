using System.Diagnostics;
using System.Numerics;
using System.Numerics.Tensors;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>The training loop: epochs of batches, validation, schedulers, and stopping in time.</summary>
/// <remarks>
/// <para>It uses nothing but what is public: <see cref="Fit"/> and <see cref="Step"/> are what a loop of your own would say. The position, epoch and batch,
/// is the trainer's, so <see cref="Fit"/> goes on where the last call, or the checkpoint that was loaded, ended.</para>
/// <para>A run that was saved with <see cref="SaveCheckpoint(string)"/> and resumed with <see cref="LoadCheckpoint(string, ResumeChanges)"/> gives bit for bit what it gives uninterrupted.</para>
/// <para>No step is taken that would spoil the model: a loss or a gradient that is not finite is refused, with the name of the layer where it began. A batch in which
/// nothing counts, such as one whose samples are all ignored, adds 0 to the epoch's loss, and no step is taken; its mean alone, in PyTorch as from
/// <see cref="Loss{T}.Forward"/>, would be NaN.</para>
/// </remarks>
/// <example>
/// <code>
/// var trainer = new Trainer&lt;double&gt;(model, new CrossEntropyLoss&lt;double&gt;(), new Adam&lt;double&gt;(model.Parameters), batches)
/// {
///     Validation = heldBack,
///     Metrics = [new Accuracy&lt;double&gt;()],
///     EarlyStopping = new(Patience: 5),
/// };
/// var history = trainer.Fit(untilEpoch: 30, progress =>
/// {
///     if (progress.Moment == TrainingMoment.EpochEnd) Console.WriteLine(progress.Result);
/// });
/// Console.WriteLine(history.Best);
/// </code>
/// </example>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed partial class Trainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int LeastEvaluationRows = 256;    // a chunk of validation samples has as many rows as a batch, but at least so many: enough for speed, little room

    private readonly List<EpochResult> _epochs = [];
    private readonly WeightedLoss<T> _weighted;
    private readonly RealRows<T> _real = new();     // what the loss sees of a batch
    private readonly KeptBuffers<T> _buffers;
    private Evaluation<T> _evaluation;
    private ReusedMatrix<T> _gradients;
    private readonly LossTotal<T> _loss;    // over this epoch's batches so far
    private readonly double[] _lossBefore;  // the same before the batches whose gradients are being accumulated
    private readonly LossTerm[] _terms;     // of a loss of several, what each divides by for a row in those batches
    private StepClock _clock;
    private double _accumulated;            // what those are a mean over so far
    private EpochResult? _best;
    private ModelState<T>? _bestState;  // what the model knew after its best epoch
    private ModelState<T>? _lastState;  // what it knew when the training ended and its best state was restored: a further Fit goes on from here
    private bool _isRunning, _isStopping;
    private bool _isAccumulating;       // whether gradients of batches before this one wait for their step
    private bool _isDrawn;              // whether this epoch has its order: an exception in its first batch must not draw another
    private bool _owesRate;             // whether the step that was taken last waits for the batch scheduler

    /// <summary>Brings together what a training needs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="optimizer">The optimizer of the model's parameters.</param>
    /// <param name="training">The training samples, in memory.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public Trainer(Layer<T> model, Loss<T> loss, Optimizer<T> optimizer, Batches<T> training) : this(model, loss, optimizer, (BatchSource<T>)training) { }

    /// <summary>Brings together what a training needs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="optimizer">The optimizer of the model's parameters.</param>
    /// <param name="training">The training samples, wherever they come from.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public Trainer(Layer<T> model, Loss<T> loss, Optimizer<T> optimizer, BatchSource<T> training)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(training);
        (Model, Loss, Optimizer, Training) = (model, loss, optimizer, training);
        (Pass, _weighted, _evaluation, _loss, _buffers) = (model.NewPass(), new(loss), new(model, loss), new(loss), new(model));
        (_lossBefore, _terms) = (new double[_loss.State.Length], new LossTerm[loss.TermCount]);
        _hyperparameters = TakeDown();
    }

    /// <summary>The model.</summary>
    public Layer<T> Model { get; }

    /// <summary>The loss.</summary>
    public Loss<T> Loss { get; }

    /// <summary>The optimizer.</summary>
    public Optimizer<T> Optimizer { get; }

    /// <summary>Where the training samples come from.</summary>
    public BatchSource<T> Training { get; }

    /// <summary>The pass of the last step: every layer's output and gradient for the batch, until the next step overwrites them.</summary>
    public ForwardPass<T> Pass { get; private set; }

    /// <summary>Samples held back from training, looked at before the first epoch and after each; null for none.</summary>
    public Samples<T>? Validation { get; init; }

    /// <summary>What else to measure on the validation samples.</summary>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    /// <exception cref="ArgumentException">Two have the same name.</exception>
    public IReadOnlyList<Metric<T>> Metrics
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            foreach (var metric in value)
                if (metric?.Name is null) throw new ArgumentNullException(nameof(value), $"Trainer expects metrics that have names, but {(metric is null ? "one is null" : $"the name of a {metric.GetType().Name.Split('`')[0]} is null")}.");
            field = value.DistinctBy(metric => metric.Name).Count() == value.Count
                ? value
                : throw new ArgumentException($"Trainer expects metrics of different names, but they are {string.Join(", ", value.Select(metric => metric.Name))}.", nameof(value));
        }
    } = [];

    /// <summary>A scheduler to step after each epoch; it is given the validation loss, or the training loss where there is no validation, or the <see cref="SchedulerMetric"/>.</summary>
    /// <exception cref="ArgumentException">It is one of another optimizer.</exception>
    public LRScheduler? Scheduler { get; init => field = Own(value, nameof(Scheduler)); }

    /// <summary>The name of the metric that the <see cref="Scheduler"/> is given, as a <see cref="ReduceLROnPlateau"/> of <see cref="PlateauMode.Max"/> is an accuracy; null gives it the loss.</summary>
    public string? SchedulerMetric { get; init; }

    /// <summary>A scheduler to step after each batch, such as <see cref="OneCycleLR"/>.</summary>
    /// <exception cref="ArgumentException">It is one of another optimizer, or wants a metric, which a batch has not.</exception>
    public LRScheduler? BatchScheduler
    {
        get;
        init => field = value is { NeedsMetric: true }
            ? throw new ArgumentException($"Trainer expects a scheduler that steps after each batch without a metric, but {value} needs one: make it the Scheduler.", nameof(BatchScheduler))
            : Own(value, nameof(BatchScheduler));
    }

    /// <summary>The norm to clip gradients to before each step, at least 0; null does not clip.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative or NaN.</exception>
    public double? MaxGradientNorm
    {
        get;
        init => field = value is double norm ? Expect.That(norm >= 0, "Trainer", norm, "at least 0", nameof(MaxGradientNorm)) : null;
    }

    /// <summary>How many batches make one step of the optimizer, at least 1: their gradients add up to that of one batch of all their rows, up to rounding, whatever each
    /// batch's mean divides by. The last step of an epoch takes what is left.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int GradientAccumulationSteps { get; init => field = Expect.Positive("Trainer", value, nameof(GradientAccumulationSteps)); } = 1;

    /// <summary>As how many shards a batch is taken, at least 1: consecutive samples, each through the model as if they were alone, whose gradients are added as a balanced tree.</summary>
    /// <remarks>
    /// <para>The sum has the same bits whoever runs which shard: on any number of threads, and on machines that share a batch among them (<see cref="Exchange"/>). Up to rounding the gradients are those of the
    /// whole batch, whatever each shard's mean divides by; a shard in which nothing counts adds 0. 1 shard is bit for bit the training without.</para>
    /// <para>What depends on the other samples of a batch is a shard's own: <see cref="BatchNorm1d{T}"/> normalises over a shard. Each shard starts from the buffers that the step found; afterwards
    /// running statistics are the mean of the shards', and counters have counted one step. Each generator of the model draws one seed a step, and shard v draws its random numbers
    /// from (seed, v).</para>
    /// <para><see cref="Pass"/> is that of the last shard that ran here. A power of two can be divided among most numbers of ranks.</para>
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int Shards { get; init => field = Expect.Positive("Trainer", value, nameof(Shards)); } = 1;

    /// <summary>Who runs which of the <see cref="Shards"/>: this process all of them, unless ranks share them, as those of Backprop.Mpi do.</summary>
    /// <remarks>
    /// <para>Every rank makes the same trainer, with all samples, and calls the same members; each runs its own shards. What comes out has the same bits on every rank, and on any number of them:
    /// gradients are added as one tree, and what follows (clipping, schedulers, validation, early stopping) each rank computes by itself. <see cref="SaveCheckpoint(string)"/> writes on the first
    /// rank alone; a checkpoint knows nothing of ranks, and goes on with any number of them.</para>
    /// <para>Before the first step, ranks compare what must be the same: the model, samples, settings, seeds, the library, and what their machines do with numbers. Each step, epoch and checkpoint
    /// compares what should have stayed the same: a callback that changes weights or rates on one rank alone is found out.</para>
    /// <para><see cref="Stop"/> is called on every rank or on none, and so is a cancellation: a rank alone would leave the others waiting.</para>
    /// </remarks>
    /// <exception cref="ArgumentNullException">It is null.</exception>
    public ShardExchange Exchange { get; init => field = Expect.NotNull(value, nameof(Exchange)); } = ShardExchange.Alone;

    /// <summary>When to stop before the last epoch; null never does.</summary>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>Whether the optimizer may leave out some of the model's parameters, which then stay as they are. Unless it may, that is taken for a mistake.</summary>
    public bool AllowPartial { get; init; }

    /// <summary>Epochs that are over.</summary>
    public int Epoch => _epochs.Count;

    /// <summary>Batches of the running epoch that are over.</summary>
    public int Batch { get; private set; }

    /// <summary>Why the training ended; null while it has not.</summary>
    public EndReason? EndReason { get; private set; }

    /// <summary>The epochs that are over now, and which of them was the best; it stays as it is when the training goes on.</summary>
    public History History => new([.. _epochs]) { Best = _best, EndReason = EndReason };

    /// <summary>Trains until so many epochs are over, counted from the very first, or until <see cref="EarlyStopping"/> or a callback says so.</summary>
    /// <remarks>
    /// So a run that was resumed is told what the uninterrupted one was told. Called again with a later epoch, it goes on as if it had never ended: from the last
    /// epoch's weights, even where the best ones were restored, unless the model has been given other weights since.
    /// </remarks>
    /// <param name="untilEpoch">Epochs in all, at least 1.</param>
    /// <param name="callback">Called on this thread after each batch, after each epoch and at the end; see <see cref="TrainingProgress{T}"/> for what it may do.</param>
    /// <param name="cancellation">Stops between two steps; the model is then as the last whole step left it, and another call goes on from there.</param>
    /// <returns>The history of all epochs.</returns>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    /// <exception cref="NotFiniteNumberException">The loss, a gradient, or a parameter after an epoch, is NaN or infinite; the message names the epoch, the batch and
    /// the layer where it began. The step was not taken, and running statistics are as the last whole step left them.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="untilEpoch"/> is below 1.</exception>
    /// <exception cref="ArgumentException">The samples do not fit the model or the loss, or a class is out of range, or a batch is too small for a layer.</exception>
    /// <exception cref="InvalidOperationException">The optimizer lacks parameters of the model or has others, or a scheduler has too few steps; nothing was changed.
    /// Or it is called from a callback. Or a rank of the <see cref="Exchange"/> is not the same as the others, whenever that is found; a training goes on from its last checkpoint.</exception>
    /// <exception cref="InvalidDataException">The training samples cannot be had, such as a stream that breaks off; the message names the epoch, the batch and the row.
    /// The model is as the last whole step left it.</exception>
    public History Fit(int untilEpoch, Action<TrainingProgress<T>>? callback = null, CancellationToken cancellation = default)
    {
        Expect.Positive("Fit", untilEpoch, nameof(untilEpoch));
        RequireIdle(nameof(Fit));
        using var use = Training.Use();
        (_isRunning, _isStopping, EndReason) = (true, false, null);
        TrainingTrace<T>? trace = null;
        try
        {
            trace = TrainingTrace<T>.Begin(this);
            trace?.Describe(untilEpoch);
            if (Epoch < untilEpoch && !HasStoppedEarly) Prepare(untilEpoch);
            while (Epoch < untilEpoch && !HasStoppedEarly && !_isStopping)
            {
                var began = Stopwatch.GetTimestamp();
                trace?.BeginEpoch();
                bool isOver;
                while (!(isOver = Batch == Training.Count) && !_isStopping)
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (isOver = !TakeBatch(cancellation)) break;
                    callback?.Invoke(new(this, TrainingMoment.BatchEnd, untilEpoch, _loss.Value, result: null));
                }

                if (!isOver) break;
                var result = EndEpoch();
                RequireSameRanks("the end of an epoch");
                TrainingTelemetry.Record(result, began);
                trace?.Set(result);
                callback?.Invoke(new(this, TrainingMoment.EpochEnd, untilEpoch, result.TrainingLoss, result));
                trace?.EndEpoch();
            }

            var reason = HasStoppedEarly ? Backprop.EndReason.EarlyStopping : Epoch >= untilEpoch ? Backprop.EndReason.Epochs : Backprop.EndReason.Stopped;
            End(reason);
            trace?.End(reason);
            callback?.Invoke(new(this, TrainingMoment.End, untilEpoch, Batch > 0 ? _loss.Value : Epoch > 0 ? _epochs[^1].TrainingLoss : double.NaN, Epoch > 0 ? _epochs[^1] : null));
            RequireSameRanks("the end of the training");
        }
        catch (Exception exception) when (trace?.Fails(exception) == true)
        {
            throw;
        }
        finally
        {
            _isRunning = false;
            try
            {
                Training.Release();
            }
            finally
            {
                trace?.Dispose();
            }
        }

        return History;
    }

    /// <summary>For callbacks: ends the training after the present batch. <see cref="Fit"/> then returns, and another <see cref="Fit"/> goes on from there.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>One training step: forward, loss, backward, and the optimizer's step.</summary>
    /// <param name="x">Inputs, samples x features.</param>
    /// <param name="y">Their targets.</param>
    /// <param name="weights">What each sample weighs in the loss, a column; null where all weigh the same.</param>
    /// <param name="lengths">How many of its rows each sequence really has; empty where all have all.</param>
    /// <returns>The loss before the step; 0, and no step, where nothing in the batch counts.</returns>
    /// <exception cref="NotFiniteNumberException">The loss or a gradient is NaN or infinite. The step was not taken.</exception>
    public T Step(Matrix<T> x, Matrix<T> y, Matrix<T>? weights = null, ReadOnlyMemory<int> lengths = default)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        RequireIdle(nameof(Step));
        BeginStepAnew();
        _clock.Begin(isFirst: true);
        _buffers.Keep();
        T loss;
        try
        {
            loss = IsSharded ? LearnInShards(new(x, y, weights, lengths), isFirst: true, isLast: true) : Learn(new(x, y, weights, lengths), isFirst: true, isLast: true, out _);
        }
        catch
        {
            _buffers.Restore();
            throw;
        }

        Tell(x);
        return loss;
    }

    /// <summary>The loss and the metrics of the model on samples, in evaluation mode.</summary>
    /// <remarks>The samples are taken in chunks, through one pass that is kept. Loss and metrics are those of all of them, not means over chunks.</remarks>
    /// <param name="samples">The samples.</param>
    /// <returns>The loss, and each metric's value by its name.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="samples"/> is null.</exception>
    /// <exception cref="ArgumentException">The samples do not fit the model, the loss or a metric.</exception>
    public (double Loss, IReadOnlyDictionary<string, double> Metrics) Evaluate(Samples<T> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        FollowGrowth();
        using var activity = TrainingTelemetry.Source.StartActivity("backprop.validation");
        try
        {
            var (loss, metrics) = _evaluation.Of(samples, Math.Max(Training.BatchSize, (LeastEvaluationRows - 1) / samples.InputRows + 1), Metrics);
            activity?.SetTag("backprop.samples", samples.Count).SetTag("backprop.validation.loss", loss);
            return (loss, metrics);
        }
        catch (Exception exception)
        {
            TrainingTelemetry.Fail(activity, exception);
            throw;
        }
    }

    /// <summary>Batches of the epoch that ended last.</summary>
    internal int LastBatches { get; private set; }

    /// <summary>What the epoch that ended last came to; null before the first.</summary>
    internal EpochResult? LastResult => _epochs.Count > 0 ? _epochs[^1] : null;

    /// <summary>Whether this epoch brings a warning that no epoch before it has brought.</summary>
    internal bool Warns(EpochResult epoch) => History.IsSuspicious(epoch) && _epochs.Find(History.IsSuspicious) == epoch;

    private bool HasStoppedEarly => EarlyStopping is not null && _best is not null && Epoch - _best.Epoch >= EarlyStopping.Patience;

    /// <summary>Takes the next step of this epoch; false where the epoch is over.</summary>
    private bool TakeBatch(CancellationToken cancellation)
    {
        _clock.Begin(isFirst: Batch % GradientAccumulationSteps == 0);
        PayRate();
        if (!_isDrawn) Training.Shuffle();
        _isDrawn = true;
        if (!TryGather(out var batch, cancellation))
        {
            TakeRest();
            return false;
        }

        // Where nobody knows how many batches there are, none is the last: what is left is taken when no more come.
        bool isFirst = Batch % GradientAccumulationSteps == 0, isLast = (Batch + 1) % GradientAccumulationSteps == 0 || Batch + 1 == Training.Count;
        if (isFirst) _loss.State.CopyTo(_lossBefore);
        if (isFirst) _buffers.Keep();
        else _buffers.KeepOnce();
        try
        {
            Learn(batch, isFirst, isLast, _loss);
        }
        catch
        {
            _buffers.Restore();
            BeginStepAnew();
            throw;
        }

        Batch++;
        _owesRate = isLast && BatchScheduler is not null;
        PayRate();
        Tell(batch.X);
        return true;
    }

    private bool TryGather(out Batch<T> batch, CancellationToken cancellation)
    {
        try
        {
            if (Training.TryGather(Batch, out batch, cancellation)) return true;
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException(Invariant($"In epoch {Epoch + 1}, batch {Batch + 1}: {exception.Message}"), exception.InnerException ?? exception);
        }

        return Training.Count is int count ? throw new InvalidOperationException(Invariant($"Trainer expects {count} batches in an epoch, as their source says, but there are {Batch} in epoch {Epoch + 1}.")) : false;
    }

    /// <summary>Goes back to the first of the batches whose gradients are being accumulated.</summary>
    private void BeginStepAnew()
    {
        if (!_isAccumulating) return;
        Batch -= Batch % GradientAccumulationSteps;
        _lossBefore.CopyTo(_loss.State);
        _isAccumulating = false;
    }

    /// <summary>Steps the batch scheduler, once for each step that was taken. One that throws is asked again before the next step, and not after it.</summary>
    private void PayRate()
    {
        if (!_owesRate) return;
        BatchScheduler!.Step();
        _owesRate = false;
    }

    private void Learn(Batch<T> batch, bool isFirst, bool isLast, LossTotal<T> total)
    {
        if (IsSharded)
        {
            LearnInShards(batch, isFirst, isLast);
            total.Add(_sharding!.Terms);
        }
        else
        {
            var loss = Learn(batch, isFirst, isLast, out var divisor);
            total.Add(loss, divisor, _real.Prediction, _real.Target);
        }
    }

    private T Learn(Batch<T> batch, bool isFirst, bool isLast, out double divisor)
    {
        FollowFreezing();
        Run(batch);
        divisor = _weighted.Divisor(_real.Prediction, _real.Target, _real.Weights);
        if (isFirst) _accumulated = 0;
        var loss = T.Zero;
        if (divisor != 0)
        {
            if (_accumulated == 0) Optimizer.ZeroGradients();
            loss = AccumulateGradients(divisor, isAlone: isFirst && isLast);
        }

        if (isLast && _accumulated > 0) TakeStep(isAlone: isFirst);
        _isAccumulating = !isLast;
        return loss;
    }

    /// <summary>Tells that a batch is over, when the position is behind it: a listener that throws must not have it taken once more.</summary>
    private void Tell(Matrix<T> x)
    {
        _clock.End();
        if (TrainingTelemetry.Samples.Enabled) TrainingTelemetry.Samples.Add(x.RowCount / Math.Max(Training.InputRows, 1));
    }

    private bool IsSharded => Shards > 1 || Exchange.Ranks > 1;

    /// <summary>Runs the model forward, and looks at what the loss will see.</summary>
    private void Run(Batch<T> batch)
    {
        (Pass.SequenceLengths, Pass.RowsOfSample) = (batch.Lengths, Training.InputRows);
        _real.Take(Model.Forward(batch.X, Pass), batch);
    }

    /// <summary>Loss and backward pass of a batch in which something counts.</summary>
    /// <returns>The loss.</returns>
    private T AccumulateGradients(double divisor, bool isAlone)
    {
        var (yHat, y, weights) = (_real.Prediction, _real.Target, _real.Weights);
        var dY = _gradients.Get(yHat.RowCount, yHat.ColumnCount);
        var loss = _weighted.ForwardBackward(yHat, y, weights, dY);
        if (!T.IsFinite(loss)) throw NotFiniteLoss(loss, y);
        // Means are not averaged: their sums are added, and divided by all that they are over.
        if (!isAlone && _terms.Length > 1 && Loss.Reduction == Reduction.Mean) RequireSteadyTerms(yHat, y);
        if (!isAlone && Loss.Reduction == Reduction.Mean) TensorPrimitives.Multiply(dY.Span(), T.CreateChecked(divisor), dY.Span());
        Model.AccumulateGradients(Pass, _real.Spread(dY));
        _accumulated += divisor;
        return loss;
    }

    /// <summary>The step of the batches that are left when no more come.</summary>
    private void TakeRest()
    {
        if (!_isAccumulating) return;
        try
        {
            if (_accumulated > 0) TakeStep(isAlone: false);
        }
        catch
        {
            _buffers.Restore();
            BeginStepAnew();
            throw;
        }

        (_isAccumulating, _owesRate) = (false, BatchScheduler is not null);
        PayRate();
        _clock.End();
    }

    // A loss of several terms is scaled by its rows: right as long as each term divides by as much for a row in one batch as in the other.
    private void RequireSteadyTerms(Matrix<T> yHat, Matrix<T> y)
    {
        var first = _accumulated == 0;
        Span<double> before = stackalloc double[_terms.Length];
        for (var i = 0; i < _terms.Length; i++) before[i] = _terms[i].Divisor;
        Loss.Terms(yHat, y, _terms);
        for (var i = 0; i < _terms.Length; i++)
        {
            _terms[i] = new(_terms[i].Sum, _terms[i].Divisor / yHat.RowCount);
            if (!first && !IsSteady(_terms[i].Divisor, before[i])) throw NotSteady();
        }
    }

    private static bool IsSteady(double now, double before) => Math.Abs(now - before) <= 1e-9 * Math.Abs(before);

    private InvalidOperationException NotSteady() => new($"Trainer cannot accumulate this {Loss} over {(IsSharded ? "shards" : "batches")} in which its terms divide by different numbers for each row, as where one of them ignores samples: the mean over all of them cannot be made of theirs. Use Reduction.Sum, or no {(IsSharded ? "shards" : "accumulation")}.");

    private void TakeStep(bool isAlone)
    {
        var parameters = Optimizer.Parameters;
        if (!isAlone && Loss.Reduction == Reduction.Mean)
            for (var i = 0; i < parameters.Count; i++) TensorPrimitives.Divide(parameters[i].Gradients, T.CreateChecked(_accumulated), parameters[i].Gradients);
        RequireFiniteGradients();
        if (MaxGradientNorm is double norm) GradientClipping.ByNorm(parameters, norm, errorIfNonFinite: true);
        Optimizer.Step();
        _clock.Step();
    }

    private void RequireFiniteGradients()
    {
        var parameters = Optimizer.Parameters;
        for (var i = 0; i < parameters.Count; i++)
            if (!parameters[i].Frozen && !TensorPrimitives.IsFiniteAll<T>(parameters[i].Gradients)) throw NotFiniteGradient(parameters[i]);
    }

    private EpochResult EndEpoch()
    {
        if (NotFinite.FirstParameter(Model) is string name)
            throw new NotFiniteNumberException($"The last step of epoch {Epoch + 1}, batch {Batch}, has made {name} NaN or infinite. {NotFinite.Advice}");
        PayRate();
        var validation = Validation is null ? default((double Loss, IReadOnlyDictionary<string, double> Metrics)?) : Evaluate(Validation);
        var result = new EpochResult(Epoch + 1, Optimizer.LearningRate, _loss.Value, validation?.Loss, validation?.Metrics ?? new Dictionary<string, double>()) { TrainingParts = _loss.Parts };
        Scheduler?.Step(ValueOf(SchedulerMetric, result));
        _epochs.Add(result);
        (LastBatches, Batch, _isDrawn) = (Batch, 0, false);
        _loss.Clear();
        if (!IsBetter(result, _best)) return result;
        _best = result;
        if (EarlyStopping is not { RestoreBest: true }) return result;
        if (_bestState is null) _bestState = ModelState<T>.Of(Model).Copy();
        else ModelState<T>.Of(Model).CopyTo(_bestState);
        return result;
    }

    private void End(EndReason reason)
    {
        EndReason = reason;
        if (_bestState is null || _lastState is not null || _best is null || (_best.Epoch == Epoch && Batch == 0)) return;
        var model = ModelState<T>.Of(Model);
        _lastState = model.Copy();
        _bestState.CopyTo(model);
    }

    /// <summary>Whether what is watched is better than the best so far. A number is better than NaN; NaN is never better than anything.</summary>
    private bool IsBetter(EpochResult result, EpochResult? best)
    {
        if (best is null) return true;
        var (now, before, delta) = (Watched(result), Watched(best), EarlyStopping?.MinDelta ?? 0);
        if (double.IsNaN(now) || double.IsNaN(before)) return double.IsNaN(before) && !double.IsNaN(now);
        return Metrics.FirstOrDefault(metric => metric.Name == EarlyStopping?.Metric) is { GreaterIsBetter: true } ? now > before + delta : now < before - delta;
    }

    private double Watched(EpochResult result) => ValueOf(EarlyStopping?.Metric, result);

    private static double ValueOf(string? metric, EpochResult result) => metric is null ? result.ValidationLoss ?? result.TrainingLoss : result.Metrics.GetValueOrDefault(metric, double.NaN);

    private NotFiniteNumberException NotFiniteLoss(T loss, Matrix<T> y) => new(
        Invariant($"The loss is {loss} in {Place}: {NotFinite.Find(Pass, y)}"), double.CreateChecked(loss));

    private NotFiniteNumberException NotFiniteGradient(Parameter<T> parameter) => new(
        $"The gradient of {NameOf(parameter)} is NaN or infinite in {Place}, though the loss is finite: {NotFinite.FindGradient(Pass)}");

    private string Place => Invariant($"epoch {Epoch + 1}, batch {Batch + 1}{(_shard is int shard ? Invariant($", shard {shard + 1} of {Shards}") : "")}");

    private string NameOf(Parameter<T> parameter) => Model.NamedParameters().FirstOrDefault(named => named.Parameter == parameter)?.Name ?? $"{parameter}";
}
