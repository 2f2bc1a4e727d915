using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>A set of samples, a few at a time: rows of x and y, gathered into matrices that every batch reuses.</summary>
/// <remarks>
/// The set itself is never copied. With a generator to shuffle by, each epoch has a new order, that of <c>torch.randperm(n, generator=generator)</c>;
/// without, the samples come as they are. (PyTorch's <c>DataLoader</c> takes its order from <c>randperm</c>, too, but draws one number more in each epoch, a seed for its workers.)
/// </remarks>
/// <example>
/// <code>
/// var batches = new Batches&lt;double&gt;(x, y, batchSize: 32, shuffle: generator);
/// batches.Shuffle();
/// for (var i = 0; i &lt; batches.Count; i++)
/// {
///     var (xs, ys) = batches.Gather(i);
/// }
/// </code>
/// </example>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Batches<T> : BatchSource<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const string OrderKey = "order";
    private readonly int[] _order;
    private readonly WeightedSampling? _sampling;
    private ReusedMatrix<T> _xs, _ys, _weights;
    private int[] _lengths = [];

    /// <summary>Takes a set of samples.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="batchSize">Samples in a batch, at least 1. One above the number of samples makes one batch of all.</param>
    /// <param name="shuffle">Draws a new order for each epoch; null keeps the order of the samples.</param>
    /// <param name="dropLast">Whether a last batch with fewer samples is left out.</param>
    /// <exception cref="ArgumentNullException"><paramref name="samples"/> is null.</exception>
    /// <exception cref="ArgumentException">No batch would be left.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1.</exception>
    public Batches(Samples<T> samples, int batchSize, Generator? shuffle = null, bool dropLast = false)
        : base(Math.Min(batchSize, Expect.NotNull(samples).Count), shuffle, dropLast)
    {
        if (dropLast && samples.Count < batchSize)
            throw new ArgumentException($"Batches expects at least {batchSize} samples where a smaller last batch is dropped, but there are {samples.Count}.", nameof(batchSize));
        Samples = samples;
        _order = [.. Enumerable.Range(0, samples.Count)];
    }

    /// <summary>Takes a set of samples. Its matrices are kept by reference.</summary>
    /// <param name="x">Inputs, a row each; dense, at least one.</param>
    /// <param name="y">Targets, a row each; dense, with as many rows as <paramref name="x"/>.</param>
    /// <param name="batchSize">Samples in a batch, at least 1. One above the number of samples makes one batch of all.</param>
    /// <param name="shuffle">Draws a new order for each epoch; null keeps the order of the rows.</param>
    /// <param name="dropLast">Whether a last batch with fewer samples is left out.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, their rows differ, or no batch would be left.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is below 1.</exception>
    public Batches(Matrix<T> x, Matrix<T> y, int batchSize, Generator? shuffle = null, bool dropLast = false)
        : this(new Samples<T>(x, y), batchSize, shuffle, dropLast) { }

    /// <summary>The whole set.</summary>
    public Samples<T> Samples { get; }

    /// <inheritdoc/>
    public override long? SampleCount => Samples.Count;

    /// <inheritdoc/>
    public override int InputRows => Samples.InputRows;

    /// <summary>Batches in an epoch.</summary>
    public new int Count => base.Count!.Value;

    /// <summary>
    /// How much more often one sample is drawn than another: then an epoch has as many samples as there are, drawn with replacement by
    /// <c>torch.multinomial(weights, n, replacement=True, generator=generator)</c>'s rule; null takes each sample once.
    /// </summary>
    /// <remarks>
    /// PyTorch's twin is <c>WeightedRandomSampler</c>. (A single sample it draws by another rule, and rounding may let it draw one that weighs 0; here that is never drawn.)
    /// What a sample weighs in the loss is another thing: <see cref="Samples{T}.Weights"/>.
    /// </remarks>
    /// <exception cref="ArgumentException">There is no generator, or not a weight for each sample, or none is above 0.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative or not finite.</exception>
    public IReadOnlyList<double>? SamplingWeights
    {
        get;
        init
        {
            _sampling = value is null ? null : Generator is null
                ? throw new ArgumentException("Batches expects a generator to draw samples by their weights, but shuffle is null.", nameof(SamplingWeights))
                : new(value, Samples.Count, nameof(SamplingWeights));
            field = value is null ? null : [.. value];
        }
    }

    /// <summary>The samples in the order of this epoch.</summary>
    public ReadOnlySpan<int> Order => _order;

    /// <summary>Copies a batch of this epoch into matrices, the same ones for every batch.</summary>
    /// <param name="index">Its number, from 0; any one.</param>
    /// <returns>Inputs and targets; the next call overwrites them.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such batch.</exception>
    public Batch<T> Gather(int index)
    {
        if (index < 0 || index >= Count) throw new ArgumentOutOfRangeException(nameof(index), Invariant($"{index}"), $"Batches expects an index from 0 to {Count - 1}.");
        var samples = _order.AsSpan(index * BatchSize, Math.Min(BatchSize, Samples.Count - index * BatchSize));
        return new(Gather(Samples.X, samples, Samples.InputRows, ref _xs), Gather(Samples.Y, samples, Samples.TargetRows, ref _ys),
            Samples.Weights is { } weights ? Gather(weights, samples, 1, ref _weights) : null, LengthsOf(samples));
    }

    /// <inheritdoc/>
    public override bool TryGather(int index, out Batch<T> batch, CancellationToken cancellation = default)
    {
        var isThere = index != Count;
        batch = isThere ? Gather(index) : default;
        return isThere;
    }

    /// <summary>Draws the order of the next epoch; without a generator, the samples stay as they are.</summary>
    public override void Shuffle()
    {
        if (_sampling is not null) _sampling.Draw(Generator!, _order);
        else Generator?.Permutation(_order);
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, long[]> GetState(int batch) => new Dictionary<string, long[]> { [OrderKey] = Array.ConvertAll(_order, sample => (long)sample) };

    /// <inheritdoc/>
    public override void SetState(int batch, IReadOnlyDictionary<string, long[]> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!state.TryGetValue(OrderKey, out var order) || order.Length != _order.Length || batch < 0 || batch > Count || order.Any(sample => sample < 0 || sample >= order.Length)
            || (_sampling is null && order.Distinct().Count() != order.Length))
            throw new ArgumentException($"Batches expects an order of {_order.Length} samples, but this is none.", nameof(state));
        for (var i = 0; i < order.Length; i++) _order[i] = (int)order[i];
    }

    /// <inheritdoc/>
    protected override void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Add("samples", Samples.Fingerprint);
        if (SamplingWeights is not null) settings.Add<double>("sampling weights", SamplingWeights.ToArray());
    }

    private ReadOnlyMemory<int> LengthsOf(ReadOnlySpan<int> samples)
    {
        var lengths = Samples.LengthMemory.Span;
        if (lengths.IsEmpty) return default;
        if (_lengths.Length == 0) _lengths = new int[BatchSize];
        for (var i = 0; i < samples.Length; i++) _lengths[i] = lengths[samples[i]];
        return _lengths.AsMemory(0, samples.Length);
    }

    private static Matrix<T> Gather(Matrix<T> from, ReadOnlySpan<int> samples, int rows, ref ReusedMatrix<T> buffer) =>
        Samples<T>.Gather(from, samples, rows, buffer.Get(samples.Length * rows, from.ColumnCount));
}
