namespace Backprop;

/// <summary>Lets the learning rate fall along half a cosine, and begin again from the top, in cycles that may become longer.</summary>
/// <remarks>
/// <para>lr = η + (lr₀ - η) (1 + cos(π t / Tᵢ)) / 2, where t counts the epochs of the present cycle, which has Tᵢ of them: T₀, T₀ m, T₀ m², ...</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html">torch.optim.lr_scheduler.CosineAnnealingWarmRestarts</see>.
/// Source: I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017.</para>
/// </remarks>
/// <example><code>var scheduler = new CosineAnnealingWarmRestarts(optimizer, t0: 10, tMult: 2);   // begins again at epochs 10, 30, 70</code></example>
/// <param name="optimizer">The optimizer whose groups are scheduled.</param>
/// <param name="t0">T₀, the epochs of the first cycle, at least 1.</param>
/// <param name="tMult">m, how many times longer each cycle is than the one before, at least 1.</param>
/// <param name="etaMin">η, the smallest rate, at least 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
public sealed class CosineAnnealingWarmRestarts(Optimizer optimizer, int t0, int tMult = 1, double etaMin = 0) : LRScheduler(optimizer)
{
    private readonly int _t0 = Expect.Positive(nameof(CosineAnnealingWarmRestarts), t0, nameof(t0));
    private readonly int _tMult = Expect.Positive(nameof(CosineAnnealingWarmRestarts), tMult, nameof(tMult));
    private readonly double _etaMin = Expect.AtLeastZero(nameof(CosineAnnealingWarmRestarts), etaMin);

    /// <inheritdoc/>
    protected override double Next(int epoch, double rate, double initial)
    {
        long t = epoch, length = _t0;
        if (_tMult == 1) t %= length;
        for (; t >= length; length *= _tMult) t -= length;
        return _etaMin + (initial - _etaMin) * (1 + Math.Cos(Math.PI * t / length)) / 2;
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("T_0", _t0);
        state.Same("T_mult", _tMult);
        state.Same("eta_min", _etaMin);
    }
}
