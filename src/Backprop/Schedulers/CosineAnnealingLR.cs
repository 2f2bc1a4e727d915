namespace Backprop;

/// <summary>Lets the learning rate fall along half a cosine, from the initial rate to a smallest one.</summary>
/// <remarks>
/// <para>lr = η + (lr₀ - η) (1 + cos(π epoch / T)) / 2. Past T it rises again, as the cosine does.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html">torch.optim.lr_scheduler.CosineAnnealingLR</see>.
/// Source: I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017.</para>
/// </remarks>
/// <example><code>var scheduler = new CosineAnnealingLR(optimizer, tMax: epochs);</code></example>
/// <param name="optimizer">The optimizer whose groups are scheduled.</param>
/// <param name="tMax">T, the epochs from the top to the bottom, at least 1.</param>
/// <param name="etaMin">η, the smallest rate, at least 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
public sealed class CosineAnnealingLR(Optimizer optimizer, int tMax, double etaMin = 0) : LRScheduler(optimizer)
{
    private readonly int _tMax = Expect.Positive(nameof(CosineAnnealingLR), tMax, nameof(tMax));
    private readonly double _etaMin = Expect.AtLeastZero(nameof(CosineAnnealingLR), etaMin);

    /// <inheritdoc/>
    protected override double Next(int epoch, double rate, double initial)
    {
        // lr_t - η = (1 + cos(π t / T)) / (1 + cos(π (t - 1) / T)) (lr_(t-1) - η), except just after the bottom, where that is 0 / 0.
        if ((epoch - 1 - _tMax) % (2 * _tMax) == 0) return rate + (initial - _etaMin) * (1 - Math.Cos(Math.PI / _tMax)) / 2;
        return (1 + Math.Cos(Math.PI * epoch / _tMax)) / (1 + Math.Cos(Math.PI * (epoch - 1) / _tMax)) * (rate - _etaMin) + _etaMin;
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("T_max", _tMax);
        state.Same("eta_min", _etaMin);
    }
}
