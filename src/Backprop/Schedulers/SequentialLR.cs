namespace Backprop;

/// <summary>One scheduler after another: a warm-up, and then a cosine.</summary>
/// <remarks>
/// <para>Until the first milestone the first scheduler works, then the second, as if the training began at that milestone: from the initial rates, with epoch 0.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html">torch.optim.lr_scheduler.SequentialLR</see>;
/// there, a <see cref="ReduceLROnPlateau"/> cannot be one of them.</para>
/// </remarks>
/// <example><code>
/// var scheduler = new SequentialLR(optimizer,
///     [new LinearLR(optimizer, startFactor: 0.1, totalIters: 5), new CosineAnnealingLR(optimizer, tMax: 95)], milestones: [5]);
/// </code></example>
public sealed class SequentialLR : LRScheduler
{
    private readonly LRScheduler[] _schedulers = [];
    private readonly int[] _milestones = [];

    /// <summary>Takes the schedulers, and sets the rates of the first one's first epoch.</summary>
    /// <param name="optimizer">The optimizer whose groups are scheduled.</param>
    /// <param name="schedulers">At least one scheduler of this optimizer, none of which has taken a step.</param>
    /// <param name="milestones">The epochs at which the second, the third ... begins: above 0 and rising, one less than there are schedulers.</param>
    /// <exception cref="ArgumentNullException">An argument, or a scheduler, is null.</exception>
    /// <exception cref="ArgumentException">There is no scheduler; one is of another optimizer, is there twice or has taken steps; or the milestones do not fit.</exception>
    public SequentialLR(Optimizer optimizer, IReadOnlyList<LRScheduler> schedulers, IReadOnlyList<int> milestones) : base(optimizer)
    {
        RequireFresh(nameof(SequentialLR), optimizer, schedulers);
        ArgumentNullException.ThrowIfNull(milestones);
        if (milestones.Count != schedulers.Count - 1)
            throw new ArgumentException($"SequentialLR expects a milestone between any two schedulers, but there are {schedulers.Count} schedulers and {milestones.Count} milestones.", nameof(milestones));
        for (var i = 0; i < milestones.Count; i++)
            if (milestones[i] <= (i == 0 ? 0 : milestones[i - 1])) throw new ArgumentException($"SequentialLR expects milestones that are above 0 and rise, but they are {string.Join(", ", milestones)}.", nameof(milestones));
        (_schedulers, _milestones) = ([.. schedulers], [.. milestones]);
        Start();
    }

    /// <summary>The scheduler at work.</summary>
    public LRScheduler Current => _schedulers[At(Epoch)];

    /// <inheritdoc/>
    public override bool NeedsMetric => Array.Exists(_schedulers, scheduler => scheduler.NeedsMetric);

    /// <inheritdoc/>
    public override long? RemainingSteps
    {
        get
        {
            // The steps of each until the next one's turn; its own first step back to the start is none of them.
            var steps = 0L;
            for (var i = At(Epoch); i < _schedulers.Length; i++)
            {
                var own = i == At(Epoch) ? _schedulers[i].RemainingSteps : _schedulers[i].RemainingSteps + _schedulers[i].Epoch;
                if (i == _schedulers.Length - 1) return own is null ? null : steps + own;
                var turn = _milestones[i] - Math.Max(Epoch, i == 0 ? 0 : _milestones[i - 1]);
                if (own < turn - 1) return steps + own;
                steps += turn;
            }

            return steps;
        }
    }

    /// <inheritdoc/>
    protected override void Start()
    {
        // The base constructor comes before the schedulers are known.
        if (_schedulers.Length > 0) _schedulers[0].Restart();
    }

    /// <inheritdoc/>
    protected override void Set(int epoch, double? metric)
    {
        var i = At(epoch);
        if (i > 0 && _milestones[i - 1] == epoch) _schedulers[i].Restart();
        else _schedulers[i].Step(metric);
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        for (var i = 0; i < _milestones.Length; i++) state.Same($"milestones.{i}", _milestones[i]);
        for (var i = 0; i < _schedulers.Length; i++) state.Part($"schedulers.{i}", _schedulers[i]);
    }

    /// <inheritdoc/>
    protected override void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Add<int>("milestones", _milestones);
        for (var i = 0; i < _schedulers.Length; i++) settings.Add($"schedulers.{i}", _schedulers[i]);
    }

    private int At(int epoch)
    {
        var i = 0;
        while (i < _milestones.Length && _milestones[i] <= epoch) i++;
        return i;
    }
}
