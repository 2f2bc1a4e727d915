namespace Backprop;

/// <content>Which learning rate to begin with.</content>
public sealed partial class Trainer<T>
{
    /// <summary>Trains with a learning rate that grows from step to step, to see at which the loss falls fastest (Smith 2017, "Cyclical Learning Rates for Training Neural Networks"), and then takes all of it back.</summary>
    /// <remarks>
    /// <para>Afterwards model, optimizer, generators and the order of samples are as before, so that the training that follows is bit for bit the one without. The rates of other groups keep their ratio to
    /// the first group's; schedulers are not asked. It ends early where the loss has grown to four times the smallest, or is no number any more.</para>
    /// <para>Only samples that come once are gone: see <see cref="StreamedBatches{T}.Reopens"/>.</para>
    /// </remarks>
    /// <param name="from">The first learning rate, above 0.</param>
    /// <param name="to">The last, above the first.</param>
    /// <param name="steps">How many steps, at least 2: each multiplies the rate by the same number.</param>
    /// <param name="cancellation">Ends it, with an exception; all is taken back.</param>
    /// <returns>Rates, losses, and a suggestion.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A rate is not finite, or they are not above each other and 0, or there are too few steps.</exception>
    /// <exception cref="InvalidOperationException">The training is in the middle of an epoch, or it is called from a callback; or as for <see cref="Fit"/>.</exception>
    /// <exception cref="ArgumentException">As for <see cref="Fit"/>.</exception>
    /// <exception cref="InvalidDataException">As for <see cref="Fit"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public LearningRateSweep FindLearningRate(double from = 1e-7, double to = 10, int steps = 100, CancellationToken cancellation = default)
    {
        Expect.That(from > 0 && double.IsFinite(from), nameof(FindLearningRate), from, "finite and above 0", nameof(from));
        Expect.That(to > from && double.IsFinite(to), nameof(FindLearningRate), to, "finite and above the first", nameof(to));
        Expect.That(steps >= 2, nameof(FindLearningRate), steps, "at least 2", nameof(steps));
        RequireIdle(nameof(FindLearningRate));
        if (Batch > 0 || _isDrawn) throw new InvalidOperationException($"FindLearningRate looks for a rate between epochs, but the training is in the middle of epoch {Epoch + 1}.");
        RequireParameters();
        RequireRows();
        FollowGrowth();
        var (model, last) = (ModelState<T>.Of(Model), _lastState);
        var (before, optimizer, source) = (model.Copy(), Optimizer.GetState(), Training.GetState(0));
        var generators = Generators().Select(generator => (Generator: generator, State: generator.GetState())).ToArray();
        using var use = Training.Use();
        _isRunning = true;
        try
        {
            GoOnFromLastState();
            return Sweep(from, to, steps, cancellation);
        }
        finally
        {
            (_isRunning, _isAccumulating, _lastState) = (false, false, last);
            _buffers.Forget();
            before.CopyTo(model);
            Optimizer.SetState(optimizer);
            foreach (var (generator, state) in generators) generator.SetState(state);
            Training.Release();
            Training.SetState(0, source);
        }
    }

    private LearningRateSweep Sweep(double from, double to, int steps, CancellationToken cancellation)
    {
        var ratios = Optimizer.Groups.Select(group => Optimizer.LearningRate > 0 ? group.LearningRate / Optimizer.LearningRate : 1).ToArray();
        var (sweep, total, batches) = (new LearningRateSweep(steps), new LossTotal<T>(Loss), 0);
        Training.Shuffle();
        for (var step = 0; step < steps; step++)
        {
            var rate = Math.Exp(double.Lerp(Math.Log(from), Math.Log(to), step / (steps - 1.0)));
            for (var i = 0; i < ratios.Length; i++) Optimizer.Groups[i].LearningRate = rate * ratios[i];
            total.Clear();
            try
            {
                for (var i = 0; i < GradientAccumulationSteps; i++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var batch = Next(ref batches, cancellation);
                    Learn(batch, isFirst: i == 0, isLast: i + 1 == GradientAccumulationSteps, total);
                }
            }
            catch (NotFiniteNumberException)
            {
                break;
            }

            if (double.IsFinite(total.Value) && !sweep.Add(rate, total.Value)) break;
        }

        return sweep;
    }

    /// <summary>The next batch, of the next epoch where one is over.</summary>
    private Batch<T> Next(ref int batches, CancellationToken cancellation)
    {
        if (batches != Training.Count && Training.TryGather(batches, out var batch, cancellation))
        {
            batches++;
            return batch;
        }

        Training.Shuffle();
        batches = 1;
        return Training.TryGather(0, out batch, cancellation) ? batch : throw new InvalidOperationException("Trainer expects at least one batch in an epoch, but there is none.");
    }
}
