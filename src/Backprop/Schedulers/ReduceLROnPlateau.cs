namespace Backprop;

/// <summary>Multiplies the learning rate by a factor when a metric has stopped getting better.</summary>
/// <remarks>
/// <para>An epoch is bad unless it is better than the best one by more than the threshold; a metric that is NaN is bad too, and the first one that is
/// finite is good. After more than <c>patience</c> bad epochs in a row the rate falls, and for <c>cooldown</c> epochs none counts as bad.</para>
/// <para>A relative threshold is measured by the size of the best metric, |best|. PyTorch measures it by best itself, so that of negative metrics, as
/// <see cref="GaussianNLLLoss{T}"/> gives them, worse ones count as better; this is not followed.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html">torch.optim.lr_scheduler.ReduceLROnPlateau</see>.</para>
/// </remarks>
/// <example>
/// <code>
/// var scheduler = new ReduceLROnPlateau(optimizer, patience: 5);
/// scheduler.Step(validationLoss);   // once an epoch
/// </code>
/// </example>
/// <param name="optimizer">The optimizer whose groups are scheduled.</param>
/// <param name="mode">Which way the metric gets better.</param>
/// <param name="factor">What the rate is multiplied by, at least 0 and below 1.</param>
/// <param name="patience">How many bad epochs in a row are borne, at least 0.</param>
/// <param name="threshold">How much better counts as better, at least 0.</param>
/// <param name="thresholdMode">What the threshold is measured by.</param>
/// <param name="cooldown">How many epochs are forgiven after the rate fell, at least 0.</param>
/// <param name="minLearningRate">What the rate does not fall below, at least 0.</param>
/// <param name="epsilon">A change of the rate up to this is not made; at least 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
public sealed class ReduceLROnPlateau(
    Optimizer optimizer, PlateauMode mode = PlateauMode.Min, double factor = 0.1, int patience = 10, double threshold = 1e-4,
    ThresholdMode thresholdMode = ThresholdMode.Relative, int cooldown = 0, double minLearningRate = 0, double epsilon = 1e-8) : LRScheduler(optimizer)
{
    private const string Owner = nameof(ReduceLROnPlateau);
    private readonly double _factor = Expect.BelowOne(Owner, factor), _threshold = Expect.AtLeastZero(Owner, threshold);
    private readonly double _minLearningRate = Expect.AtLeastZero(Owner, minLearningRate), _epsilon = Expect.AtLeastZero(Owner, epsilon);
    private readonly double _patience = Expect.AtLeastZero(Owner, patience), _cooldown = Expect.AtLeastZero(Owner, cooldown);
    private readonly PlateauMode _mode = Expect.Defined(Owner, mode);
    private readonly ThresholdMode _thresholdMode = Expect.Defined(Owner, thresholdMode);

    /// <summary>Which way the metric gets better.</summary>
    public PlateauMode Mode => _mode;

    /// <summary>The best metric so far.</summary>
    public double Best { get; private set; }

    /// <summary>How many epochs in a row were bad.</summary>
    public int BadEpochs { get; private set; }

    private long _cooling;    // how many more epochs are forgiven

    /// <inheritdoc/>
    public override bool NeedsMetric => true;

    /// <inheritdoc/>
    protected override void Start() => (Best, BadEpochs, _cooling) = (_mode == PlateauMode.Min ? double.PositiveInfinity : double.NegativeInfinity, 0, 0);

    /// <inheritdoc/>
    protected override void Set(int epoch, double? metric)
    {
        if (metric is double value && IsBetter(value)) (Best, BadEpochs) = (value, 0);
        else BadEpochs++;

        if (_cooling > 0) (_cooling, BadEpochs) = (_cooling - 1, 0);
        if (BadEpochs <= _patience) return;

        for (var i = 0; i < Groups.Count; i++)
        {
            var rate = Math.Max(Groups[i].LearningRate * _factor, _minLearningRate);
            if (Groups[i].LearningRate - rate > _epsilon) Groups[i].LearningRate = rate;
        }

        (_cooling, BadEpochs) = ((long)_cooldown, 0);
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("mode", (double)_mode);
        state.Same("factor", _factor);
        state.Same("patience", _patience);
        state.Same("threshold", _threshold);
        state.Same("threshold_mode", (double)_thresholdMode);
        state.Same("cooldown", _cooldown);
        state.Same("min_lr", _minLearningRate);
        state.Same("eps", _epsilon);
        var best = state.Value("best", Best);
        Best = Expect.That(!double.IsNaN(best), Owner, best, "a number");
        BadEpochs = state.Count("num_bad_epochs", BadEpochs);
        _cooling = state.Count("cooldown_counter", _cooling);
    }

    private bool IsBetter(double value)
    {
        // Anything finite is better than the infinity it starts from, of which a part cannot be taken.
        if (double.IsInfinity(Best)) return _mode == PlateauMode.Min ? value < Best : value > Best;
        // best (1 - t) below 0 is best (1 + t): the same distance, away from 0.
        var t = Best < 0 ? -_threshold : _threshold;
        return (_mode, _thresholdMode) switch
        {
            (PlateauMode.Min, ThresholdMode.Relative) => value < Best * (1 - t),
            (PlateauMode.Min, _) => value < Best - _threshold,
            (_, ThresholdMode.Relative) => value > Best * (1 + t),
            _ => value > Best + _threshold,
        };
    }
}
