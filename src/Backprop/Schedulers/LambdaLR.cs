namespace Backprop;

/// <summary>Multiplies the initial learning rate by a function of the epoch.</summary>
/// <remarks>
/// <para>lr = lr₀ λ(epoch). Sets the rates of the first epoch at once.</para>
/// <para>What a checkpoint holds of it is the epoch: that the function is the same one when a training is resumed is the caller's to see to, as in PyTorch.</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html">torch.optim.lr_scheduler.LambdaLR</see>.</para>
/// </remarks>
/// <example><code>var scheduler = new LambdaLR(optimizer, epoch => Math.Pow(0.95, epoch));</code></example>
public sealed class LambdaLR : LRScheduler
{
    private readonly Func<int, double>[] _lambdas;
    private bool _started;

    /// <summary>Takes one function for all groups.</summary>
    /// <param name="optimizer">The optimizer whose groups are scheduled.</param>
    /// <param name="lambda">λ, at least 0 in every epoch.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">λ(0) gives a rate that is negative or not finite; no rate is changed.</exception>
    public LambdaLR(Optimizer optimizer, Func<int, double> lambda) : base(optimizer)
    {
        ArgumentNullException.ThrowIfNull(lambda);
        _lambdas = [.. Groups.Select(_ => lambda)];
        Begin();
    }

    /// <summary>Takes a function for each group.</summary>
    /// <param name="optimizer">The optimizer whose groups are scheduled.</param>
    /// <param name="lambdas">λ of each group, at least 0 in every epoch.</param>
    /// <exception cref="ArgumentNullException">An argument, or a function, is null.</exception>
    /// <exception cref="ArgumentException">There are not as many functions as groups.</exception>
    /// <exception cref="ArgumentOutOfRangeException">λ(0) gives a rate that is negative or not finite; no rate is changed.</exception>
    public LambdaLR(Optimizer optimizer, IReadOnlyList<Func<int, double>> lambdas) : base(optimizer)
    {
        ArgumentNullException.ThrowIfNull(lambdas);
        if (lambdas.Count != Groups.Count) throw new ArgumentException($"LambdaLR expects a function for each of the {Groups.Count} groups, but there are {lambdas.Count}.", nameof(lambdas));
        _lambdas = [.. lambdas.Select(lambda => Expect.NotNull(lambda, nameof(lambdas)))];
        Begin();
    }

    /// <inheritdoc/>
    protected override void Start()
    {
        // The base constructor comes before the functions are known.
        if (_started) Set(0, null);
    }

    /// <inheritdoc/>
    protected override double Next(int epoch, int group, double rate, double initial) => initial * _lambdas[group](epoch);

    private void Begin()
    {
        _started = true;
        Start();
    }
}
