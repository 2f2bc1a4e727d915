using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss that compares each entry of the prediction with the entry of the target at the same place: L = the mean or the sum of l(p, t).</summary>
/// <remarks>
/// <para>Each subclass is l(p, t), its derivative dl/dp, and what they mean; all else is here. The mean divides by N, the number of
/// entries, not of samples: of a 4 x 3 prediction it is 12.</para>
/// <para>The order of the additions depends on the number of entries alone, neither on where they lie in memory nor on the width of the machine's vectors.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ElementwiseLoss<T> : Loss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Entrywise _function;

    private protected ElementwiseLoss(Entrywise function, Reduction reduction) : base(reduction) => _function = function;

    /// <inheritdoc/>
    public sealed override string Formula => $"L = {(Reduction == Reduction.Mean ? $"1/{Divisor} " : "")}sum {Entry}";

    /// <inheritdoc/>
    public sealed override string Derivative => $"dL/dp = {EntryDerivative}{(Reduction == Reduction.Mean ? $" / {Divisor}" : "")}";

    /// <summary>l(p, t), as a text that can stand behind a sum.</summary>
    private protected abstract string Entry { get; }

    /// <summary>dl/dp, as a text that can stand before a division.</summary>
    private protected abstract string EntryDerivative { get; }

    /// <summary>What the mean divides by, in the formulas.</summary>
    private protected virtual string Divisor => "N";

    /// <summary>What the mean divides by.</summary>
    private protected virtual double Count(Matrix<T> prediction) => (double)prediction.RowCount * prediction.ColumnCount;

    /// <inheritdoc/>
    protected sealed override T ForwardCore(Matrix<T> prediction, Matrix<T> target) =>
        Reduced(_function.Sum(prediction.Span(), target.Span()), Count(prediction));

    /// <inheritdoc/>
    protected sealed override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) =>
        _function.Gradient(prediction.Span(), target.Span(), Reduced(T.One, Count(prediction)), dPrediction.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses) =>
        _function.Losses(prediction.Span(), target.Span(), losses.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) =>
        _function.Gradient(prediction.Span(), target.Span(), dLosses.Span(), dPrediction.Span());

    private protected static Entrywise Of<TFunction>(TFunction function) where TFunction : struct, IFunction => new Entrywise<TFunction>(function);

    /// <summary>A function for each column, where a loss does not treat them alike.</summary>
    private protected static Entrywise ByColumn(Entrywise[] functions) => new Columns(functions);

    /// <summary>The two lines that an elementwise loss is. A struct, so that the compiler makes kernels of its own from each.</summary>
    private protected interface IFunction
    {
        /// <summary>l(p, t).</summary>
        V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>;

        /// <summary>dl/dp.</summary>
        V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T>;
    }

    private protected abstract class Entrywise
    {
        /// <summary>The sum of l(p[i], t[i]).</summary>
        internal abstract T Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t);

        /// <summary>losses[i] = l(p[i], t[i]).</summary>
        internal abstract void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses);

        /// <summary>dP[i] = dL dl/dp(p[i], t[i]), with one dL for all.</summary>
        internal abstract void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP);

        /// <summary>dP[i] = dLosses[i] dl/dp(p[i], t[i]).</summary>
        internal abstract void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP);
    }

    private sealed class Entrywise<TFunction>(TFunction function) : Entrywise where TFunction : struct, IFunction
    {
        internal override T Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t) => Vectorized.Sum(new Value(function), p, t);

        internal override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses) => Vectorized.Map(new Value(function), p, t, losses);

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP) => Vectorized.Map(new Scaled(function, dL), p, t, dP);

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP) =>
            Vectorized.Map(new Weighted(function), p, t, dLosses, dP);

        private readonly struct Value(TFunction function) : IBinary<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Invoke<V>(V p, V t) where V : unmanaged, IVector<V, T> => function.Loss(p, t);
        }

        private readonly struct Scaled(TFunction function, T dL) : IBinary<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Invoke<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Broadcast(dL) * function.Derivative(p, t);
        }

        private readonly struct Weighted(TFunction function) : ITernary<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Invoke<V>(V p, V t, V dLoss) where V : unmanaged, IVector<V, T> => dLoss * function.Derivative(p, t);
        }
    }

    private sealed class Columns(Entrywise[] functions) : Entrywise
    {
        internal override T Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t)
        {
            var sum = T.Zero;
            for (int j = 0, n = p.Length / functions.Length; j < functions.Length; j++)
                sum += functions[j].Sum(p.Slice(j * n, n), t.Slice(j * n, n));
            return sum;
        }

        internal override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses)
        {
            for (int j = 0, n = p.Length / functions.Length; j < functions.Length; j++)
                functions[j].Losses(p.Slice(j * n, n), t.Slice(j * n, n), losses.Slice(j * n, n));
        }

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP)
        {
            for (int j = 0, n = p.Length / functions.Length; j < functions.Length; j++)
                functions[j].Gradient(p.Slice(j * n, n), t.Slice(j * n, n), dL, dP.Slice(j * n, n));
        }

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP)
        {
            for (int j = 0, n = p.Length / functions.Length; j < functions.Length; j++)
                functions[j].Gradient(p.Slice(j * n, n), t.Slice(j * n, n), dLosses.Slice(j * n, n), dP.Slice(j * n, n));
        }
    }
}
