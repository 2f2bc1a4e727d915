using System.Globalization;
using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss made of losses, each over columns of its own and with a weight: L = sum_h w_h L_h(p_h, t_h). For networks with several outputs, which stand side by side.</summary>
/// <remarks>
/// <para>p_h and t_h are the columns of prediction and target that part h is given. They may overlap, and need not cover all: columns of no part have a gradient of 0.</para>
/// <para>Derivative: dL/dp in the columns of part h is w_h dL_h/dp_h, and where several parts have a column, these add up. CHAIN-RULE.md, "CombinedLoss".</para>
/// <para>All parts are means, or all are sums. Each mean divides by what counts in its own part: one head may ignore samples that another counts. A part in which nothing
/// counts is left out, value and gradient, where its mean alone would be NaN; where nothing counts in any part, the loss is NaN and its gradient 0.</para>
/// <para>Over batches, each part's sums and divisors are added by themselves: see <see cref="Loss{T}.Terms"/>, by which a <see cref="Trainer{T}"/> counts.
/// <see cref="Loss{T}.Divisor"/> is one number and cannot say that: it is the number of samples, or 0 where nothing counts, and exact only where each part's own divisor is a multiple of it.</para>
/// <para>There is no unreduced form: each part has its own. PyTorch has no layer for it: one writes <c>a * f(p[:, :3], t) + b * g(p[:, 3:], u)</c>.</para>
/// </remarks>
/// <example><code>
/// var twoHeads = new CombinedLoss&lt;double&gt;(
///     new("kind", new CrossEntropyLoss&lt;double&gt;(), prediction: 0..3, target: 0..1),
///     new("price", new MSELoss&lt;double&gt;(), prediction: 3..4, target: 1..2, weight: 0.5));
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class CombinedLoss<T> : Loss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly LossPart<T>[] _parts;
    private readonly Loss<T>[] _losses;     // these are told to checkpoints
    private readonly string[] _names, _columns;
    private readonly double[] _weights;
    private Work? _work;                    // taken by one call at a time; another at the same time makes its own

    /// <summary>Makes a loss of parts.</summary>
    /// <param name="parts">The parts, at least one, of different names.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">There is no part, two have the same name, or some are means and others sums.</exception>
    public CombinedLoss(params LossPart<T>[] parts) : base(ReductionOf(parts))
    {
        _parts = [.. parts];
        (_losses, _names, _weights) = (Array.ConvertAll(parts, part => part.Loss), Array.ConvertAll(parts, part => part.Name), Array.ConvertAll(parts, part => part.Weight));
        _columns = Array.ConvertAll(parts, part => $"{part.Prediction} {part.Target}");
        TermCount = _losses.Sum(loss => loss.TermCount);
    }

    /// <summary>The parts.</summary>
    public IReadOnlyList<LossPart<T>> Parts => _parts;

    /// <summary>A metric for each part, of its name: its loss, without the weight. Give them to a <see cref="Trainer{T}"/>, and its history has every part.</summary>
    public IReadOnlyList<Metric<T>> PartMetrics =>
        Array.ConvertAll<LossPart<T>, Metric<T>>(_parts, part => new ColumnsMetric<T>(part.Name, new LossMetric<T>(part.Name, part.Loss), part.Prediction, part.Target));

    /// <inheritdoc/>
    public override int TermCount { get; }

    /// <summary>Each part's loss by its name, and those of a part that is combined itself by both names, with a dot between. NaN where nothing counts in it; a part of weight 0 is left out.</summary>
    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> PartsOf(ReadOnlySpan<LossTerm> terms)
    {
        base.PartsOf(terms);
        var parts = new Dictionary<string, double>();
        for (var h = 0; h < _parts.Length; h++)
        {
            LossTerm[] own = [.. terms[.._losses[h].TermCount]];
            terms = terms[own.Length..];
            if (_weights[h] == 0) continue;
            for (var i = 0; i < own.Length; i++) own[i] = own[i] with { Sum = own[i].Sum / _weights[h] };
            parts.TryAdd(_names[h], LossTerm.Total(own, Reduction));
            foreach (var (name, value) in _losses[h].PartsOf(own)) parts.TryAdd($"{_names[h]}.{name}", value);
        }

        return parts;
    }

    /// <inheritdoc/>
    public override string Formula => "L = sum_h w_h L_h(p_h, t_h), p_h and t_h are columns of p and t";

    /// <inheritdoc/>
    public override string Derivative => "dL/dp_h += w_h dL_h/dp_h, 0 in columns of no part";

    /// <inheritdoc/>
    public override string ToString() => $"CombinedLoss({string.Join<LossPart<T>>(", ", _parts)})";

    /// <summary>Both dense, with as many rows, and with the columns of every part.</summary>
    /// <inheritdoc/>
    protected override void Check(Matrix<T> prediction, Matrix<T> target)
    {
        Operand.Dense(this, prediction, nameof(prediction));
        Operand.Dense(this, target, nameof(target));
        if (target.RowCount != prediction.RowCount)
            throw new ArgumentException($"{this} expects a target for each prediction, but prediction is {Operand.Shape(prediction)} and target is {Operand.Shape(target)}.", nameof(target));
        foreach (var part in _parts)
        {
            ColumnRange.Of(this, part.Name, part.Prediction, prediction, nameof(prediction));
            ColumnRange.Of(this, part.Name, part.Target, target, nameof(target));
        }
    }

    /// <inheritdoc/>
    protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target)
    {
        var work = Begin(prediction, target);
        var (loss, counts) = (0.0, Reduction == Reduction.Sum);
        for (var h = 0; h < _parts.Length; h++)
        {
            if (work.Divisors[h] == 0) continue;
            // L = sum_h w_h L_h
            loss += Weighted(h, _losses[h].Forward(work.Predictions[h], work.Targets[h]));
            counts = true;
        }

        _work = work;
        return counts ? T.CreateTruncating(loss) : T.NaN;
    }

    /// <inheritdoc/>
    protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction)
    {
        var work = Begin(prediction, target);
        dPrediction.Span().Clear();
        for (var h = 0; h < _parts.Length; h++)
        {
            if (work.Divisors[h] == 0) continue;
            _losses[h].Backward(work.Predictions[h], work.Targets[h], work.Gradients[h]);
            AddTo(dPrediction, h, work);
        }

        _work = work;
    }

    /// <inheritdoc/>
    protected override T ForwardBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction)
    {
        var work = Begin(prediction, target);
        dPrediction.Span().Clear();
        var (loss, counts) = (0.0, Reduction == Reduction.Sum);
        for (var h = 0; h < _parts.Length; h++)
        {
            if (work.Divisors[h] == 0) continue;
            loss += Weighted(h, _losses[h].ForwardBackward(work.Predictions[h], work.Targets[h], work.Gradients[h]));
            counts = true;
            AddTo(dPrediction, h, work);
        }

        _work = work;
        return counts ? T.CreateTruncating(loss) : T.NaN;
    }

    /// <inheritdoc/>
    protected override double DivisorCore(Matrix<T> prediction, Matrix<T> target)
    {
        var work = Begin(prediction, target);
        var counts = Array.Exists(work.Divisors, divisor => divisor != 0);
        _work = work;
        return counts ? prediction.RowCount : 0;
    }

    /// <inheritdoc/>
    protected override void TermsCore(Matrix<T> prediction, Matrix<T> target, Span<LossTerm> terms)
    {
        var work = Begin(prediction, target);
        for (var h = 0; h < _parts.Length; h++)
        {
            var own = terms[.._losses[h].TermCount];
            _losses[h].Terms(work.Predictions[h], work.Targets[h], own);
            foreach (ref var term in own) term = term with { Sum = _weights[h] == 0 ? 0 : _weights[h] * term.Sum };
            terms = terms[own.Length..];
        }

        _work = work;
    }

    // A part of weight 0 is looked at and does not count, NaN and infinity neither.
    private double Weighted(int h, T loss) => _weights[h] == 0 ? 0 : _weights[h] * double.CreateTruncating(loss);

    private void AddTo(Matrix<T> dPrediction, int h, Work work)
    {
        if (_weights[h] == 0) return;
        var (start, count) = ColumnRange.Of(this, _names[h], _parts[h].Prediction, dPrediction, nameof(dPrediction));
        var dPart = dPrediction.Span().Slice(start * dPrediction.RowCount, count * dPrediction.RowCount);
        // dL/dp_h += w_h dL_h/dp_h
        TensorPrimitives.MultiplyAdd<T>(work.Gradients[h].Span(), T.CreateSaturating(_weights[h]), dPart, dPart);
    }

    /// <summary>The columns of each part in matrices of their own, and what each divides by: so every part has looked at its operands before anything is computed.</summary>
    private Work Begin(Matrix<T> prediction, Matrix<T> target)
    {
        var work = Interlocked.Exchange(ref _work, null) ?? new Work(_parts.Length);
        for (var h = 0; h < _parts.Length; h++)
        {
            var part = _parts[h];
            work.Take(h, prediction, ColumnRange.Of(this, part.Name, part.Prediction, prediction, nameof(prediction)), target, ColumnRange.Of(this, part.Name, part.Target, target, nameof(target)));
            try
            {
                work.Divisors[h] = part.Loss.Divisor(work.Predictions[h], work.Targets[h]);
            }
            catch (ArgumentException refusal)
            {
                var message = refusal.ParamName is null ? refusal.Message : refusal.Message.Replace($" (Parameter '{refusal.ParamName}')", "", StringComparison.Ordinal);
                throw new ArgumentException($"{part.Name}: {message}", refusal.ParamName, refusal);
            }
        }

        return work;
    }

    private static Reduction ReductionOf(LossPart<T>[] parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Length == 0) throw new ArgumentException("CombinedLoss expects at least one part, but there is none.", nameof(parts));
        foreach (var part in parts) ArgumentNullException.ThrowIfNull(part, nameof(parts));
        if (parts.DistinctBy(part => part.Name).Count() < parts.Length)
            throw new ArgumentException($"CombinedLoss expects parts of different names, but they are {string.Join(", ", parts.Select(part => part.Name))}.", nameof(parts));
        if (Array.Find(parts, part => part.Loss.Reduction != parts[0].Loss.Reduction) is { } other)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"CombinedLoss expects losses that are all means or all sums, but {parts[0].Name} is a {parts[0].Loss.Reduction} and {other.Name} is a {other.Loss.Reduction}."), nameof(parts));
        return parts[0].Loss.Reduction;
    }

    /// <summary>What a call works in, kept for the next one.</summary>
    private sealed class Work(int parts)
    {
        private readonly KeptMatrix<T>[] _predictions = new KeptMatrix<T>[parts], _targets = new KeptMatrix<T>[parts], _gradients = new KeptMatrix<T>[parts];

        public Matrix<T>[] Predictions { get; } = new Matrix<T>[parts];

        public Matrix<T>[] Targets { get; } = new Matrix<T>[parts];

        public Matrix<T>[] Gradients { get; } = new Matrix<T>[parts];

        public double[] Divisors { get; } = new double[parts];

        public void Take(int h, Matrix<T> prediction, (int Start, int Count) ofPrediction, Matrix<T> target, (int Start, int Count) ofTarget)
        {
            Predictions[h] = Copy(ref _predictions[h], prediction, ofPrediction);
            Targets[h] = Copy(ref _targets[h], target, ofTarget);
            Gradients[h] = _gradients[h].Get(prediction.RowCount, ofPrediction.Count);
        }

        private static Matrix<T> Copy(ref KeptMatrix<T> kept, Matrix<T> x, (int Start, int Count) columns)
        {
            var copy = kept.Get(x.RowCount, columns.Count);
            x.Span().Slice(columns.Start * x.RowCount, columns.Count * x.RowCount).CopyTo(copy.Span());
            return copy;
        }
    }
}
