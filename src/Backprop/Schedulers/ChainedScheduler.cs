namespace Backprop;

/// <summary>Several schedulers at once: each changes the rate that the one before it has left.</summary>
/// <remarks>
/// <para>lr = f_n(... f_2(f_1(lr))), as if each were stepped by hand: what a <see cref="Trainer{T}"/>, which takes one scheduler, needs for it.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html">torch.optim.lr_scheduler.ChainedScheduler</see>.</para>
/// </remarks>
/// <example><code>var scheduler = new ChainedScheduler([new LinearLR(optimizer, startFactor: 0.1, totalIters: 5), new ExponentialLR(optimizer, gamma: 0.95)]);</code></example>
public sealed class ChainedScheduler : LRScheduler
{
    private readonly LRScheduler[] _schedulers = [];

    /// <summary>Takes the schedulers.</summary>
    /// <param name="schedulers">At least one, all of one optimizer, none of which has taken a step.</param>
    /// <exception cref="ArgumentNullException">An argument, or a scheduler, is null.</exception>
    /// <exception cref="ArgumentException">There is no scheduler, or one is of another optimizer, is there twice or has taken steps.</exception>
    public ChainedScheduler(IReadOnlyList<LRScheduler> schedulers) : base(OptimizerOf(schedulers))
    {
        RequireFresh(nameof(ChainedScheduler), Optimizer, schedulers);
        _schedulers = [.. schedulers];
    }

    /// <inheritdoc/>
    public override bool NeedsMetric => Array.Exists(_schedulers, scheduler => scheduler.NeedsMetric);

    /// <inheritdoc/>
    public override long? RemainingSteps
    {
        get
        {
            long? fewest = null;
            foreach (var scheduler in _schedulers)
                if (scheduler.RemainingSteps is long own && !(fewest <= own)) fewest = own;
            return fewest;
        }
    }

    /// <inheritdoc/>
    protected override void Start()
    {
        // The base constructor comes before the schedulers are known, and they have started by then.
        foreach (var scheduler in _schedulers) scheduler.Restart(fromInitialRates: false);
    }

    /// <inheritdoc/>
    protected override void Set(int epoch, double? metric)
    {
        foreach (var scheduler in _schedulers) scheduler.Step(metric);
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        for (var i = 0; i < _schedulers.Length; i++) state.Part($"schedulers.{i}", _schedulers[i]);
    }

    /// <inheritdoc/>
    protected override void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        for (var i = 0; i < _schedulers.Length; i++) settings.Add($"schedulers.{i}", _schedulers[i]);
    }

    private static Optimizer OptimizerOf(IReadOnlyList<LRScheduler> schedulers)
    {
        ArgumentNullException.ThrowIfNull(schedulers);
        return schedulers.Count > 0
            ? Expect.NotNull(schedulers[0], nameof(schedulers)).Optimizer
            : throw new ArgumentException("ChainedScheduler expects at least one scheduler, but there is none.", nameof(schedulers));
    }
}
