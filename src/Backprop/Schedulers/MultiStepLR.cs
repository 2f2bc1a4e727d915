namespace Backprop;

/// <summary>Multiplies the learning rate by γ at each milestone.</summary>
/// <remarks>
/// <para>lr = lr₀ γ^k, where k milestones are at or before the epoch; one that is listed twice counts twice.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html">torch.optim.lr_scheduler.MultiStepLR</see>.</para>
/// </remarks>
/// <example><code>var scheduler = new MultiStepLR(optimizer, [30, 80]);   // 0.1, from epoch 30 on 0.01, from 80 on 0.001</code></example>
/// <param name="optimizer">The optimizer whose groups are scheduled.</param>
/// <param name="milestones">The epochs to multiply at, in any order.</param>
/// <param name="gamma">γ, at least 0.</param>
/// <exception cref="ArgumentNullException">An argument is null.</exception>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="gamma"/> is out of its range.</exception>
public sealed class MultiStepLR(Optimizer optimizer, IEnumerable<int> milestones, double gamma = 0.1) : LRScheduler(optimizer)
{
    private readonly int[] _milestones = [.. Expect.NotNull(milestones).Order()];
    private readonly double _gamma = Expect.AtLeastZero(nameof(MultiStepLR), gamma);

    /// <inheritdoc/>
    protected override void Start() => Set(0, null);

    /// <inheritdoc/>
    protected override double Next(int epoch, double rate, double initial)
    {
        var times = _milestones.AsSpan().Count(epoch);
        return times == 0 ? rate : rate * Math.Pow(_gamma, times);
    }

    /// <inheritdoc/>
    protected override void Exchange(StateExchange state)
    {
        base.Exchange(state);
        state.Same("gamma", _gamma);
        for (var i = 0; i < _milestones.Length; i++) state.Same($"milestones.{i}", _milestones[i]);
    }
}
