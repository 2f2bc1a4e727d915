using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>An elementwise loss that is one formula and its derivative, written once over vectors of any width; the same entry has the same bits wherever it lies.</summary>
/// <remarks>To add one, copy the file of another: <see cref="SmoothL1Loss{T}"/> is a formula, its derivative, and their documentation.</remarks>
/// <example><code>
/// public sealed class LogCosh&lt;T&gt;() : VectorizedLoss&lt;T&gt;(Of(new Function())) where T : unmanaged, IFloatingPointIeee754&lt;T&gt;
/// {
///     private readonly struct Function : IFunction
///     {
///         [MethodImpl(MethodImplOptions.AggressiveInlining)]
///         public V Loss&lt;V&gt;(V p, V t) where V : unmanaged, IVector&lt;V, T&gt; => V.Abs(p - t) + V.Log1p(V.Exp(-2 * V.Abs(p - t))) - Math.Log(2);
///
///         [MethodImpl(MethodImplOptions.AggressiveInlining)]
///         public V Derivative&lt;V&gt;(V p, V t) where V : unmanaged, IVector&lt;V, T&gt; => V.Tanh(p - t);
///     }
/// }
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class VectorizedLoss<T> : ElementwiseLoss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Entrywise _function;

    /// <summary>Takes the formula.</summary>
    /// <param name="function">What <see cref="Of{TFunction}(TFunction)"/> or <see cref="ByColumn"/> makes of it.</param>
    /// <param name="reduction">Mean or sum.</param>
    /// <exception cref="ArgumentNullException"><paramref name="function"/> is null.</exception>
    protected VectorizedLoss(Entrywise function, Reduction reduction = Reduction.Mean) : base(reduction) => _function = Expect.NotNull(function);

    /// <inheritdoc/>
    protected sealed override T ForwardCore(Matrix<T> prediction, Matrix<T> target) =>
        Reduced(FunctionOf(prediction).Sum(prediction.Span(), target.Span()), DivisorCore(prediction, target));

    /// <inheritdoc/>
    protected sealed override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) =>
        FunctionOf(prediction).Gradient(prediction.Span(), target.Span(), Reduced(1, DivisorCore(prediction, target)), dPrediction.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses) =>
        FunctionOf(prediction).Losses(prediction.Span(), target.Span(), losses.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) =>
        FunctionOf(prediction).Gradient(prediction.Span(), target.Span(), dLosses.Span(), dPrediction.Span());

    /// <summary>losses[i] = l(p[i], t[i]) of whole columns.</summary>
    /// <inheritdoc/>
    protected sealed override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses) => _function.Losses(p, t, losses);

    /// <summary>derivatives[i] = dl/dp(p[i], t[i]) of whole columns.</summary>
    /// <inheritdoc/>
    protected sealed override void Derivatives(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> derivatives) => _function.Gradient(p, t, T.One, derivatives);

    /// <inheritdoc/>
    protected override void Describe(Settings settings)
    {
        base.Describe(settings);
        if (Settings.IsForeign(this)) _function.Describe(settings);     // the library's own have their constants as properties, too
    }

    /// <summary>Makes kernels of a formula and its derivative.</summary>
    /// <typeparam name="TFunction">A readonly struct.</typeparam>
    /// <param name="function">The formula, with its constants as fields.</param>
    protected static Entrywise Of<[DynamicallyAccessedMembers(Settings.Fields)] TFunction>(TFunction function) where TFunction : struct, IFunction => new Entrywise<TFunction>(function);

    /// <summary>A formula for each column, where a loss does not treat them alike; a prediction must have as many columns.</summary>
    /// <param name="functions">What <see cref="Of{TFunction}(TFunction)"/> makes of each.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    protected static Entrywise ByColumn(params Entrywise[] functions) => functions.Length > 0
        ? new Columns([.. functions])
        : throw new ArgumentException("ByColumn expects a formula for each column, but there is none.", nameof(functions));

    private Entrywise FunctionOf(Matrix<T> prediction) => _function is not Columns { Count: var count } || count == prediction.ColumnCount
        ? _function
        : throw new ArgumentException($"{this} expects {count} columns, one for each formula, but prediction is {Operand.Shape(prediction)}.", nameof(prediction));

    /// <summary>The two lines that an elementwise loss is. A struct, so that the compiler makes kernels of its own from each.</summary>
    public interface IFunction
    {
        /// <summary>l(p, t).</summary>
        /// <param name="p">The prediction.</param>
        /// <param name="t">The target.</param>
        V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>;

        /// <summary>dl/dp.</summary>
        /// <param name="p">The prediction.</param>
        /// <param name="t">The target.</param>
        V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T>;
    }

    /// <summary>The kernels of a formula and its derivative, or of one for each column.</summary>
    protected abstract class Entrywise
    {
        private protected Entrywise() { }

        /// <summary>The sum of l(p[i], t[i]).</summary>
        internal abstract void Describe(Settings settings);

        internal abstract double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t);

        /// <summary>losses[i] = l(p[i], t[i]).</summary>
        internal abstract void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses);

        /// <summary>dP[i] = dL dl/dp(p[i], t[i]), with one dL for all.</summary>
        internal abstract void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP);

        /// <summary>dP[i] = dLosses[i] dl/dp(p[i], t[i]).</summary>
        internal abstract void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP);
    }

    private sealed class Entrywise<[DynamicallyAccessedMembers(Settings.Fields)] TFunction>(TFunction function) : Entrywise where TFunction : struct, IFunction
    {
        internal override void Describe(Settings settings) => settings.AddConstants(function);

        internal override double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t) => Vectorized.Sum(new Value(function), p, t);

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
        internal int Count => functions.Length;

        internal override void Describe(Settings settings)
        {
            for (var i = 0; i < functions.Length; i++) functions[i].Describe(settings.Part($"column {Signature.Number(i)}"));
        }

        internal override double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t)
        {
            var sum = 0.0;
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
