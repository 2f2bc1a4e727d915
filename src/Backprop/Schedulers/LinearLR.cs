namespace Backprop;

/// <summary>Lets a factor of the learning rate change linearly over the first epochs: a warm-up.</summary>
/// <remarks>
/// <para>lr = lr₀ (a + (b - a) min(epoch, n) / n), with a the first factor, b the last, n the epochs in between. Sets the rates of the first epoch at once.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html">torch.optim.lr_scheduler.LinearLR</see>.</para>
/// </remarks>
/// <example><code>var warmUp = new LinearLR(optimizer, startFactor: 0.1, totalIters: 5);</code></example>
/// <param name="optimizer">The optimizer whose groups are scheduled.</param>
/// <param name="startFactor">a, above 0 and at most 1.</param>
/// <param name="endFactor">b, from 0 to 1.</param>
/// <param name="totalIters">n, at least 1.</param>
/// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
public sealed class LinearLR(Optimizer optimizer, double startFactor = 1.0 / 3, double endFactor = 1, int totalIters = 5) : LRScheduler(optimizer)
{
    private readonly double _startFactor = Expect.That(startFactor is > 0 and <= 1, nameof(LinearLR), startFactor, "above 0 and at most 1");
    private readonly double _endFactor = Expect.Fraction(nameof(LinearLR), endFactor);
    private readonly int _totalIters = Expect.Positive(nameof(LinearLR), totalIters, nameof(totalIters));

    /// <inheritdoc/>
    protected override void Start()
    {
        foreach (var group in Groups) group.LearningRate *= _startFactor;
    }

    /// <inheritdoc/>
    protected override double Next(int epoch, double rate, double initial)
    {
        if (epoch > _totalIters) return rate;
        // This epoch's factor over the last one's. Where the end is 0, rounding may carry it just below.
        var rise = _endFactor - _startFactor;
        return rate * Math.Max(0, 1 + rise / (_totalIters * _startFactor + (epoch - 1) * rise));
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("start_factor", _startFactor);
        state.Same("end_factor", _endFactor);
        state.Same("total_iters", _totalIters);
    }
}
