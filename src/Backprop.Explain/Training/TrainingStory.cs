using System.Numerics;

namespace Backprop.Explain;

/// <summary>Watches a training and tells its story: what every layer did, what is wrong, on what evidence, and what may help.</summary>
/// <remarks>
/// <para>It is a callback of <see cref="Trainer{T}.Fit"/> and only looks: a training that is watched has the bits of one that is not. It looks at every step at first, and whenever it has
/// <see cref="MaxSamples"/> of them, it forgets every other one and looks half as often. So a training of any length takes bounded memory, and the cost per step falls towards none. It keeps one copy of the
/// parameters, to see what a step changed, and, for each activation, matrices of its batch.</para>
/// <para>With <see cref="Trainer{T}.GradientAccumulationSteps"/> it looks at the batches that end a step; with <see cref="Trainer{T}.Shards"/> at the last shard of each.</para>
/// </remarks>
/// <example><code>
/// var story = new Backprop.Explain.TrainingStory&lt;double&gt;(trainer);
/// trainer.Fit(30, story.Observe);
/// File.WriteAllText("training.html", story.Tell().ToHtml());
/// </code></example>
/// <threadsafety>One thread at a time, that of <see cref="Trainer{T}.Fit"/>.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class TrainingStory<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int RowsOfAWindow = 1000;         // a unit that is silent for so many samples in a row, or for all there are, is taken for dead

    private readonly List<TrainingSample> _samples = [];
    private readonly NetworkWatch<T> _network;
    private readonly BatchLoss<T> _loss;
    private readonly long _window;
    private int _steps;
    private int _interval = 1;                      // in units of Every
    private (int Epoch, int Batch) _last;           // where the last callback was
    private int _copiedAt = -1;                     // the step after which the parameters were copied
    private TrainingFailure? _failure;

    /// <summary>Makes a story of a training that begins, or goes on. Copies the parameters.</summary>
    /// <param name="trainer">The trainer.</param>
    /// <exception cref="ArgumentNullException"><paramref name="trainer"/> is null.</exception>
    public TrainingStory(Trainer<T> trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        Trainer = trainer;
        var samples = trainer.Training.SampleCount ?? RowsOfAWindow;
        _window = Math.Max(1, Math.Min(RowsOfAWindow, samples * Math.Max(trainer.Training.InputRows, 1)));
        _network = new(trainer, _window);
        _loss = new(trainer.Loss.Reduction);
        _last = (trainer.Epoch + 1, trainer.Batch);
        _network.CopyParameters();
        _copiedAt = 0;
    }

    /// <summary>The trainer whose training it is.</summary>
    public Trainer<T> Trainer { get; }

    /// <summary>How often to look: at every so many steps, at least 1, which is the default. Once there are <see cref="MaxSamples"/>, half as often, and so on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int Every
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Every), value, "TrainingStory expects to look at every so many steps, at least 1.");
    } = 1;

    /// <summary>How many steps to remember at most, at least 8; 256 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 8.</exception>
    public int MaxSamples
    {
        get;
        init => field = value >= 8 ? value : throw new ArgumentOutOfRangeException(nameof(MaxSamples), value, "TrainingStory expects to remember at least 8 steps.");
    } = 256;

    /// <summary>What to look for; <see cref="Diagnosis.All"/> unless set: <c>[.. Diagnosis.All, new MyDiagnosis()]</c>.</summary>
    /// <exception cref="ArgumentException">There is a null in it.</exception>
    public IReadOnlyList<Diagnosis> Diagnoses
    {
        get;
        init => field = TrainingReport.Checked(value, nameof(Diagnoses));
    } = Diagnosis.All;

    /// <summary>The callback: <c>trainer.Fit(30, story.Observe)</c>, or within another one.</summary>
    /// <param name="progress">What <see cref="Trainer{T}.Fit"/> says.</param>
    /// <exception cref="ArgumentException">It is the progress of another trainer.</exception>
    public void Observe(TrainingProgress<T> progress)
    {
        if (!ReferenceEquals(progress.Trainer, Trainer)) throw new ArgumentException("TrainingStory expects the progress of the trainer that it was made for, but it is that of another.", nameof(progress));
        if (progress.Moment == TrainingMoment.End) _copiedAt = -1;      // best weights may come back
        if (progress.Moment != TrainingMoment.BatchEnd) return;
        var now = (progress.Epoch, progress.Batch);
        if (now.CompareTo(_last) <= 0) GoBack(now);
        var follows = now == (_last.Epoch, _last.Batch + 1) || now == (_last.Epoch + 1, 1);
        if (!follows) _copiedAt = -1;
        var loss = _loss.Next(progress.Batch, progress.Loss, follows);
        _last = now;
        var accumulated = Trainer.GradientAccumulationSteps;
        if (accumulated > 1 && progress.Batch % accumulated != 0 && progress.Batch != progress.Batches) return;    // in the midst of a step
        _steps++;
        if ((_steps - 1) % Interval == 0) Look(progress, loss);
        if (_steps % Interval != 0) return;             // the next step is looked at: what it changes is seen from here
        _network.CopyParameters();
        _copiedAt = _steps;
    }

    /// <summary><see cref="Trainer{T}.Fit"/>, watched: it notes as well where a number that is not finite ends the training, which no callback is told.</summary>
    /// <param name="untilEpoch">Epochs in all, at least 1.</param>
    /// <param name="callback">Another callback, called after <see cref="Observe"/>.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <returns>The history of all epochs.</returns>
    /// <exception cref="NotFiniteNumberException">As <see cref="Trainer{T}.Fit"/>; all its other exceptions are thrown on as well.</exception>
    public History Fit(int untilEpoch, Action<TrainingProgress<T>>? callback = null, CancellationToken cancellation = default)
    {
        try
        {
            return Trainer.Fit(untilEpoch, progress =>
            {
                Observe(progress);
                callback?.Invoke(progress);
            }, cancellation);
        }
        catch (NotFiniteNumberException exception)
        {
            Note(exception);
            throw;
        }
    }

    /// <summary>Notes that a number that is not finite has ended the training; for whoever calls <see cref="Trainer{T}.Fit"/> and catches the exception.</summary>
    /// <param name="exception">What <see cref="Trainer{T}.Fit"/> has thrown.</param>
    /// <exception cref="ArgumentNullException"><paramref name="exception"/> is null.</exception>
    public void Note(NotFiniteNumberException exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        // Where an epoch's last step has spoiled a parameter, all its batches are over.
        var batch = Trainer.Training.Count is int count ? Math.Min(Trainer.Batch + 1, count) : Trainer.Batch + 1;
        _failure ??= new(Trainer.Epoch + 1, batch, exception.Message);
    }

    /// <summary>What is known so far.</summary>
    public TrainingRecord Record()
    {
        var layers = _network.Layers();
        var model = Trainer.Model;
        return new(Trainer.History)
        {
            Model = $"{model}",
            Loss = $"{Trainer.Loss}",
            Optimizer = $"{Trainer.Optimizer}",
            Layers = layers,
            // A layer that came later was not seen before.
            Samples = [.. _samples.Select(sample => sample.Layers.Count == layers.Count ? sample : sample with { Layers = [.. sample.Layers, .. Enumerable.Repeat(LayerSample.None, layers.Count - sample.Layers.Count)] })],
            Steps = _steps,
            Failure = _failure,
            ConstantLoss = ConstantPrediction.LossOf(Trainer),
            Classes = _network.Classes(),
            Window = _window,
            RestoresBest = Trainer.EarlyStopping is { RestoreBest: true },
            Learning = model.Parameters.Where(parameter => !parameter.Frozen).Sum(parameter => (long)parameter.Count),
            Frozen = model.Parameters.Where(parameter => parameter.Frozen).Sum(parameter => (long)parameter.Count),
        };
    }

    /// <summary>The report of what is known so far. It does not change when the training goes on.</summary>
    public TrainingReport Tell() => new(Record(), Diagnoses);

    private int Interval => checked(Every * _interval);

    private void Look(in TrainingProgress<T> progress, double loss)
    {
        var layers = _network.Look(progress.Pass, seesUpdate: _copiedAt == _steps - 1);
        _samples.Add(new(_steps, progress.Epoch, progress.Batch, loss, Trainer.Optimizer.LearningRate, NetworkWatch<T>.Spread(progress.Pass.Output), layers));
        if (_samples.Count < MaxSamples) return;
        // Steps 1, 1 + i, 1 + 2i, ...: every other one of them is one of an interval twice as long.
        if (_interval > int.MaxValue / 2 / Every) return;
        _interval *= 2;
        var kept = 0;
        for (var i = 0; i < _samples.Count; i += 2) _samples[kept++] = _samples[i];
        _samples.RemoveRange(kept, _samples.Count - kept);
    }

    // The trainer has loaded an earlier checkpoint, or takes a step anew: what came after is no more part of its past.
    private void GoBack((int Epoch, int Batch) now)
    {
        _samples.RemoveAll(sample => (sample.Epoch, sample.Batch).CompareTo(now) >= 0);
        _copiedAt = -1;
    }
}
