namespace Backprop;

/// <summary>Multiplies the learning rate by γ every so many epochs.</summary>
/// <remarks>
/// <para>lr = lr₀ γ^⌊epoch / stepSize⌋.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html">torch.optim.lr_scheduler.StepLR</see>.</para>
/// </remarks>
/// <example><code>var scheduler = new StepLR(optimizer, stepSize: 30);   // 0.1, from epoch 30 on 0.01, from 60 on 0.001</code></example>
/// <param name="optimizer">The optimizer whose groups are scheduled.</param>
/// <param name="stepSize">Epochs from one multiplication to the next, at least 1.</param>
/// <param name="gamma">γ, at least 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
public sealed class StepLR(Optimizer optimizer, int stepSize, double gamma = 0.1) : LRScheduler(optimizer)
{
    private readonly int _stepSize = Expect.Positive(nameof(StepLR), stepSize, nameof(stepSize));
    private readonly double _gamma = Expect.AtLeastZero(nameof(StepLR), gamma);

    /// <inheritdoc/>
    protected override double Next(int epoch, double rate, double initial) => epoch % _stepSize == 0 ? rate * _gamma : rate;

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("step_size", _stepSize);
        state.Same("gamma", _gamma);
    }
}
