namespace Backprop;

/// <summary>One rise of the learning rate to its maximum and one long fall far below where it began, while the momentum goes the other way.</summary>
/// <remarks>
/// <para>From max / divFactor up to max over the first part of the steps, then down to max / divFactor / finalDivFactor; in three phases
/// it comes down as it went up, and falls from there. Call <see cref="LRScheduler.Step"/> after each batch. Overwrites the learning rates and
/// momenta of the optimizer at once.</para>
/// <para>Like PyTorch, it allows one step more than it has values for. There the cosine goes on a little; the straight line, which would
/// run below 0 in PyTorch, stays at its end here.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html">torch.optim.lr_scheduler.OneCycleLR</see>.
/// Source: L. Smith and N. Topin, Super-convergence: very fast training of neural networks using large learning rates, 2018.</para>
/// </remarks>
/// <example><code>var scheduler = new OneCycleLR(optimizer, maxLearningRate: 0.1, totalSteps: epochs * batchesPerEpoch);</code></example>
/// <param name="optimizer">The optimizer whose groups are scheduled.</param>
/// <param name="maxLearningRates">The highest rate of each group, at least 0.</param>
/// <param name="totalSteps">The steps of the cycle, at least 1.</param>
/// <param name="pctStart">The part of the steps in which the rate rises, from 0 to 1.</param>
/// <param name="annealStrategy">Along a cosine or a line.</param>
/// <param name="cycleMomentum">Whether to move momenta (Adam: β₁) too.</param>
/// <param name="baseMomentum">The lowest momentum, at the highest rate; in [0, 1).</param>
/// <param name="maxMomentum">The highest momentum, at the lowest rates; in [0, 1).</param>
/// <param name="divFactor">The highest rate over the first, above 0.</param>
/// <param name="finalDivFactor">The first rate over the last, above 0.</param>
/// <param name="threePhase">Whether to come down as it went up before the last fall.</param>
/// <exception cref="ArgumentException">There are not as many maxima as groups, or the momentum is to be moved, but there is none in a group.</exception>
/// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
public sealed class OneCycleLR(
    Optimizer optimizer, IEnumerable<double> maxLearningRates, int totalSteps, double pctStart = 0.3, AnnealStrategy annealStrategy = AnnealStrategy.Cosine,
    bool cycleMomentum = true, double baseMomentum = 0.85, double maxMomentum = 0.95, double divFactor = 25, double finalDivFactor = 1e4, bool threePhase = false)
    : LRScheduler(optimizer)
{
    private const string Owner = nameof(OneCycleLR);
    private readonly double[] _max = [.. Expect.NotNull(maxLearningRates).Select(maxLearningRate => Expect.AtLeastZero(Owner, maxLearningRate))];
    private readonly int _totalSteps = Expect.Positive(Owner, totalSteps, nameof(totalSteps));
    private readonly AnnealStrategy _annealStrategy = Expect.Defined(Owner, annealStrategy);
    private readonly double _pctStart = Expect.Fraction(Owner, pctStart);
    private readonly double _baseMomentum = Expect.BelowOne(Owner, baseMomentum), _maxMomentum = Expect.BelowOne(Owner, maxMomentum);
    private readonly double _divFactor = Expect.AboveZero(Owner, divFactor), _finalDivFactor = Expect.AboveZero(Owner, finalDivFactor);

    /// <summary>Makes a scheduler with one maximum for all groups.</summary>
    /// <param name="optimizer">The optimizer whose groups are scheduled.</param>
    /// <param name="maxLearningRate">The highest rate, at least 0.</param>
    /// <param name="totalSteps">The steps of the cycle, at least 1.</param>
    /// <param name="pctStart">The part of the steps in which the rate rises, from 0 to 1.</param>
    /// <param name="annealStrategy">Along a cosine or a line.</param>
    /// <param name="cycleMomentum">Whether to move momenta (Adam: β₁) too.</param>
    /// <param name="baseMomentum">The lowest momentum, at the highest rate; in [0, 1).</param>
    /// <param name="maxMomentum">The highest momentum, at the lowest rates; in [0, 1).</param>
    /// <param name="divFactor">The highest rate over the first, above 0.</param>
    /// <param name="finalDivFactor">The first rate over the last, above 0.</param>
    /// <param name="threePhase">Whether to come down as it went up before the last fall.</param>
    /// <exception cref="ArgumentException">The momentum is to be moved, but there is none in a group.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public OneCycleLR(
        Optimizer optimizer, double maxLearningRate, int totalSteps, double pctStart = 0.3, AnnealStrategy annealStrategy = AnnealStrategy.Cosine,
        bool cycleMomentum = true, double baseMomentum = 0.85, double maxMomentum = 0.95, double divFactor = 25, double finalDivFactor = 1e4, bool threePhase = false)
        : this(optimizer, Enumerable.Repeat(maxLearningRate, optimizer?.Groups.Count ?? 0), totalSteps, pctStart, annealStrategy,
            cycleMomentum, baseMomentum, maxMomentum, divFactor, finalDivFactor, threePhase)
    { }

    /// <inheritdoc/>
    public override long? RemainingSteps => _totalSteps - Epoch;

    /// <inheritdoc/>
    protected override void Start()
    {
        if (_max.Length != Groups.Count) throw new ArgumentException($"{Owner} expects a highest rate for each of {Groups.Count} groups, but there are {_max.Length}.", nameof(maxLearningRates));
        if (cycleMomentum && Groups.FirstOrDefault(group => group.CycledMomentum is null) is { } without)
            throw new ArgumentException($"{Owner} expects a momentum in each group, but {without} has none; cycleMomentum: false leaves momenta alone.", nameof(cycleMomentum));
        Set(0, null);
        foreach (var group in Groups) group.InitialLearningRate = group.LearningRate;
    }

    /// <inheritdoc/>
    protected override void Set(int epoch, double? metric)
    {
        double risen = _pctStart * _totalSteps - 1, fallen = 2 * _pctStart * _totalSteps - 2, end = _totalSteps - 1;
        for (var i = 0; i < Groups.Count; i++)
        {
            double max = _max[i], initial = max / _divFactor, min = initial / _finalDivFactor;
            var (rate, momentum) =
                epoch <= risen ? Anneal(epoch, (0, risen), (initial, max), (_maxMomentum, _baseMomentum))
                : !threePhase ? Anneal(epoch, (risen, end), (max, min), (_baseMomentum, _maxMomentum))
                : epoch <= fallen ? Anneal(epoch, (risen, fallen), (max, initial), (_baseMomentum, _maxMomentum))
                : Anneal(epoch, (fallen, end), (initial, min), (_maxMomentum, _maxMomentum));
            Groups[i].LearningRate = rate;
            if (cycleMomentum) Groups[i].CycledMomentum = momentum;
        }
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        for (var i = 0; i < _max.Length; i++) state.Same($"max_lr.{i}", _max[i]);
        state.Same("total_steps", _totalSteps);
        state.Same("pct_start", _pctStart);
        state.Same("anneal_strategy", (double)_annealStrategy);
        state.Same("cycle_momentum", cycleMomentum);
        state.Same("base_momentum", _baseMomentum);
        state.Same("max_momentum", _maxMomentum);
        state.Same("div_factor", _divFactor);
        state.Same("final_div_factor", _finalDivFactor);
        state.Same("three_phase", threePhase);
    }

    private (double Rate, double Momentum) Anneal(int epoch, (double Start, double End) phase, (double From, double To) rate, (double From, double To) momentum)
    {
        // A phase without length is over at once.
        var part = phase.End > phase.Start ? (epoch - phase.Start) / (phase.End - phase.Start) : 1;
        return (Between(rate.From, rate.To, part), Between(momentum.From, momentum.To, part));
    }

    private double Between(double from, double to, double part) => _annealStrategy == AnnealStrategy.Cosine
        ? to + (from - to) / 2 * (Math.Cos(Math.PI * part) + 1)
        : (to - from) * Math.Min(part, 1) + from;
}
