using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss that compares each entry of the prediction with the entry of the target at the same place: L = the mean or the sum of l(p, t).</summary>
/// <remarks>
/// <para>To add one, write l and dl/dp over spans, by hand or with <c>TensorPrimitives</c>. All else, shapes, reductions and reuse, is here. The mean divides by
/// N, the number of entries, not of samples: of a 4 x 3 prediction it is 12.</para>
/// <para>The fast way is a <see cref="VectorizedLoss{T}"/>: one formula and its derivative, at the width that the processor has.</para>
/// <para>The order of the additions depends on the number of entries alone, neither on where they lie in memory nor on the width of the machine's vectors.</para>
/// </remarks>
/// <example><code>
/// public sealed class SquaredError&lt;T&gt; : ElementwiseLoss&lt;T&gt; where T : unmanaged, IFloatingPointIeee754&lt;T&gt;
/// {
///     protected override void Losses(ReadOnlySpan&lt;T&gt; p, ReadOnlySpan&lt;T&gt; t, Span&lt;T&gt; losses)
///     {
///         for (var i = 0; i &lt; p.Length; i++) losses[i] = (p[i] - t[i]) * (p[i] - t[i]);
///     }
///
///     protected override void Derivatives(ReadOnlySpan&lt;T&gt; p, ReadOnlySpan&lt;T&gt; t, Span&lt;T&gt; derivatives)
///     {
///         for (var i = 0; i &lt; p.Length; i++) derivatives[i] = p[i] - t[i] + (p[i] - t[i]);
///     }
/// }
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ElementwiseLoss<T> : Loss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Sets how losses are reduced to one number.</summary>
    /// <param name="reduction">Mean or sum.</param>
    protected ElementwiseLoss(Reduction reduction = Reduction.Mean) : base(reduction) { }

    /// <inheritdoc/>
    public sealed override string Formula => Entry.Length == 0 ? "" : $"L = {(Reduction == Reduction.Mean ? $"1/{DivisorText} " : "")}sum {Entry}";

    /// <inheritdoc/>
    public sealed override string Derivative => EntryDerivative.Length == 0 ? "" : $"dL/dp = {EntryDerivative}{(Reduction == Reduction.Mean ? $" / {DivisorText}" : "")}";

    /// <summary>l(p, t), as a text that can stand behind a sum.</summary>
    protected virtual string Entry => "";

    /// <summary>dl/dp, as a text that can stand before a division.</summary>
    protected virtual string EntryDerivative => "";

    /// <summary>What the mean divides by, in the formulas.</summary>
    protected virtual string DivisorText => "N";

    /// <summary>losses[i] = l(p[i], t[i]), every one of them. The entries may be all or some, column after column.</summary>
    /// <param name="p">Entries of the prediction.</param>
    /// <param name="t">The same entries of the target.</param>
    /// <param name="losses">Receives the losses; its contents are unspecified before.</param>
    protected abstract void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses);

    /// <summary>derivatives[i] = dl/dp(p[i], t[i]), every one of them.</summary>
    /// <param name="p">Entries of the prediction.</param>
    /// <param name="t">The same entries of the target.</param>
    /// <param name="derivatives">Receives the derivatives; its contents are unspecified before.</param>
    protected abstract void Derivatives(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> derivatives);

    /// <inheritdoc/>
    protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target)
    {
        // In the blocks of a vectorized sum: a loss has the same bits whichever way it is written.
        ReadOnlySpan<T> p = prediction.Span(), t = target.Span();
        Span<T> losses = stackalloc T[int.Min(Reductions.Block<T>(), p.Length)];
        var sum = 0.0;
        for (var start = 0; start < p.Length; start += losses.Length)
        {
            losses = losses[..int.Min(losses.Length, p.Length - start)];
            Losses(p.Slice(start, losses.Length), t.Slice(start, losses.Length), losses);
            sum += Vectorized.Sum(default(Same), losses);
        }

        return Reduced(sum, DivisorCore(prediction, target));
    }

    /// <inheritdoc/>
    protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction)
    {
        Derivatives(prediction.Span(), target.Span(), dPrediction.Span());
        Vectorized.Map(new Times(Reduced(1, DivisorCore(prediction, target))), dPrediction.Span(), dPrediction.Span());
    }

    /// <inheritdoc/>
    protected override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses) => Losses(prediction.Span(), target.Span(), losses.Span());

    /// <inheritdoc/>
    protected override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction)
    {
        Derivatives(prediction.Span(), target.Span(), dPrediction.Span());
        Vectorized.Map(default(Product), dPrediction.Span(), dLosses.Span(), dPrediction.Span());
    }

    /// <inheritdoc/>
    protected sealed override int UnreducedColumns(Matrix<T> prediction, Matrix<T> target) => prediction.ColumnCount;

    private readonly struct Same : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => x;
    }

    private readonly struct Times(T factor) : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Broadcast(factor) * x;
    }

    private readonly struct Product : IBinary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => x * y;
    }
}
