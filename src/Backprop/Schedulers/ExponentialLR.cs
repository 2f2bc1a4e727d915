namespace Backprop;

/// <summary>Multiplies the learning rate by γ every epoch.</summary>
/// <remarks>
/// <para>lr = lr₀ γ^epoch.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html">torch.optim.lr_scheduler.ExponentialLR</see>.</para>
/// </remarks>
/// <example><code>var scheduler = new ExponentialLR(optimizer, gamma: 0.95);</code></example>
/// <param name="optimizer">The optimizer whose groups are scheduled.</param>
/// <param name="gamma">γ, at least 0.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="gamma"/> is out of its range.</exception>
public sealed class ExponentialLR(Optimizer optimizer, double gamma) : LRScheduler(optimizer)
{
    private readonly double _gamma = Expect.AtLeastZero(nameof(ExponentialLR), gamma);

    /// <inheritdoc/>
    protected override double Next(int epoch, double rate, double initial) => rate * _gamma;

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("gamma", _gamma);
    }
}
