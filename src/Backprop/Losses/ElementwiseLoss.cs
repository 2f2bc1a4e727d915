using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss that compares each entry of the prediction with the entry of the target at the same place: L = the mean or the sum of l(p, t).</summary>
/// <remarks>
/// <para>Each subclass is l(p, t), its derivative dl/dp, and what they mean; all else is here. The mean divides by N, the number of
/// entries, not of samples: of a 4 x 3 prediction it is 12.</para>
/// <para>There are two ways to write one. The fast one, that of every loss here, is a struct with the two as formulas (<see cref="ILossFormula{T}"/>), handed to
/// the constructor: copy the file of another loss. The simple one is the constructor without a formula, and <see cref="Losses"/> and
/// <see cref="Derivatives"/> over spans.</para>
/// <para>The order of the additions depends on the number of entries alone, neither on where they lie in memory nor on the width of the machine's vectors.</para>
/// </remarks>
/// <example><code>
/// public sealed class LogCosh&lt;T&gt;() : ElementwiseLoss&lt;T&gt;(Of(new Function())) where T : unmanaged, IFloatingPointIeee754&lt;T&gt;
/// {
///     protected override string Entry =&gt; "log cosh(p - t)";
///
///     protected override string EntryDerivative =&gt; "tanh(p - t)";
///
///     private readonly struct Function : ILossFormula&lt;T&gt;
///     {
///         [MethodImpl(MethodImplOptions.AggressiveInlining)]
///         public V Loss&lt;V&gt;(V p, V t) where V : unmanaged, IVector&lt;V, T&gt; =&gt; V.Abs(p - t) + V.Log1p(V.Exp(-2 * V.Abs(p - t))) - Math.Log(2);
///
///         [MethodImpl(MethodImplOptions.AggressiveInlining)]
///         public V Derivative&lt;V&gt;(V p, V t) where V : unmanaged, IVector&lt;V, T&gt; =&gt; V.Tanh(p - t);
///     }
/// }
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ElementwiseLoss<T> : Loss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Formulas _formulas;

    /// <summary>A loss by its formula.</summary>
    /// <param name="formulas">From <see cref="Of"/> or <see cref="ByColumn"/>.</param>
    /// <param name="reduction">Mean or sum.</param>
    protected ElementwiseLoss(Formulas formulas, Reduction reduction = Reduction.Mean) : base(reduction) => _formulas = Expect.NotNull(formulas);

    /// <summary>A loss by <see cref="Losses"/> and <see cref="Derivatives"/>, which must be overridden then.</summary>
    /// <param name="reduction">Mean or sum.</param>
    protected ElementwiseLoss(Reduction reduction = Reduction.Mean) : base(reduction) => _formulas = new OverSpans(this);

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

    /// <summary>Puts the losses of some entries into <paramref name="losses"/>, each one of them: losses[i] = l(p[i], t[i]). Not called where there is a formula.</summary>
    /// <param name="p">Entries of the prediction.</param>
    /// <param name="t">The same entries of the target.</param>
    /// <param name="losses">Receives as many losses; its contents are unspecified before.</param>
    protected virtual void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses) => throw HasNoFormula();

    /// <summary>Puts the derivatives of some entries into <paramref name="derivatives"/>, each one of them: dl/dp(p[i], t[i]). Not called where there is a formula.</summary>
    /// <param name="p">Entries of the prediction.</param>
    /// <param name="t">The same entries of the target.</param>
    /// <param name="derivatives">Receives as many derivatives; its contents are unspecified before.</param>
    protected virtual void Derivatives(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> derivatives) => throw HasNoFormula();

    /// <inheritdoc/>
    protected sealed override T ForwardCore(Matrix<T> prediction, Matrix<T> target) =>
        Reduced(FormulasOf(prediction).Sum(prediction.Span(), target.Span()), DivisorCore(prediction, target));

    /// <inheritdoc/>
    protected sealed override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) =>
        FormulasOf(prediction).Gradient(prediction.Span(), target.Span(), Reduced(1, DivisorCore(prediction, target)), dPrediction.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses) =>
        FormulasOf(prediction).Losses(prediction.Span(), target.Span(), losses.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) =>
        FormulasOf(prediction).Gradient(prediction.Span(), target.Span(), dLosses.Span(), dPrediction.Span());

    /// <inheritdoc/>
    protected sealed override int UnreducedColumns(Matrix<T> prediction, Matrix<T> target) => prediction.ColumnCount;

    /// <summary>One formula for all entries.</summary>
    /// <typeparam name="TFormula">The struct that holds it.</typeparam>
    /// <param name="formula">The formula.</param>
    protected static Formulas Of<TFormula>(TFormula formula) where TFormula : struct, ILossFormula<T> => new One<TFormula>(formula);

    /// <summary>A formula for each column, where a loss does not treat them alike; a prediction must have as many columns.</summary>
    /// <param name="formulas">The formulas, each from <see cref="Of"/>.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    protected static Formulas ByColumn(params IReadOnlyList<Formulas> formulas) => Expect.NotNull(formulas).Count > 0
        ? new Columns([.. formulas])
        : throw new ArgumentException("ByColumn expects a formula for each column, but there is none.", nameof(formulas));

    private Formulas FormulasOf(Matrix<T> prediction) => _formulas is not Columns { Count: var count } || count == prediction.ColumnCount
        ? _formulas
        : throw new ArgumentException($"{this} expects {count} columns, one for each formula, but prediction is {Operand.Shape(prediction)}.", nameof(prediction));

    private InvalidOperationException HasNoFormula() => new($"{this} expects a formula in its constructor, or Losses and Derivatives to be overridden, but one of them is not.");

    /// <summary>What a loss computes, entry by entry: what <see cref="Of"/> and <see cref="ByColumn"/> make of formulas.</summary>
    protected abstract class Formulas
    {
        private protected Formulas() { }

        /// <summary>The sum of l(p[i], t[i]).</summary>
        internal abstract double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t);

        /// <summary>losses[i] = l(p[i], t[i]).</summary>
        internal abstract void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses);

        /// <summary>dP[i] = dL dl/dp(p[i], t[i]), with one dL for all.</summary>
        internal abstract void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP);

        /// <summary>dP[i] = dLosses[i] dl/dp(p[i], t[i]).</summary>
        internal abstract void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP);
    }

    private sealed class One<TFormula>(TFormula formula) : Formulas where TFormula : struct, ILossFormula<T>
    {
        internal override double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t) => Vectorized.Sum(new Value(formula), p, t);

        internal override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses) => Vectorized.Map(new Value(formula), p, t, losses);

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP) => Vectorized.Map(new Scaled(formula, dL), p, t, dP);

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP) =>
            Vectorized.Map(new Weighted(formula), p, t, dLosses, dP);

        private readonly struct Value(TFormula formula) : IBinary<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Invoke<V>(V p, V t) where V : unmanaged, IVector<V, T> => formula.Loss(p, t);
        }

        private readonly struct Scaled(TFormula formula, T dL) : IBinary<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Invoke<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.Broadcast(dL) * formula.Derivative(p, t);
        }

        private readonly struct Weighted(TFormula formula) : ITernary<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Invoke<V>(V p, V t, V dLoss) where V : unmanaged, IVector<V, T> => dLoss * formula.Derivative(p, t);
        }
    }

    private sealed class Columns(Formulas[] formulas) : Formulas
    {
        internal int Count => formulas.Length;

        internal override double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t)
        {
            var sum = 0.0;
            for (int j = 0, n = p.Length / formulas.Length; j < formulas.Length; j++)
                sum += formulas[j].Sum(p.Slice(j * n, n), t.Slice(j * n, n));
            return sum;
        }

        internal override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses)
        {
            for (int j = 0, n = p.Length / formulas.Length; j < formulas.Length; j++)
                formulas[j].Losses(p.Slice(j * n, n), t.Slice(j * n, n), losses.Slice(j * n, n));
        }

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP)
        {
            for (int j = 0, n = p.Length / formulas.Length; j < formulas.Length; j++)
                formulas[j].Gradient(p.Slice(j * n, n), t.Slice(j * n, n), dL, dP.Slice(j * n, n));
        }

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP)
        {
            for (int j = 0, n = p.Length / formulas.Length; j < formulas.Length; j++)
                formulas[j].Gradient(p.Slice(j * n, n), t.Slice(j * n, n), dLosses.Slice(j * n, n), dP.Slice(j * n, n));
        }
    }

    /// <summary>The two methods over spans, block by block as <see cref="Reductions"/> adds: a loss has the same bits either way.</summary>
    private sealed class OverSpans(ElementwiseLoss<T> loss) : Formulas
    {
        internal override double Sum(ReadOnlySpan<T> p, ReadOnlySpan<T> t)
        {
            Span<T> losses = stackalloc T[int.Min(Reductions.Block<T>(), p.Length)];
            var sum = 0.0;
            for (var start = 0; start < p.Length; start += losses.Length)
            {
                losses = losses[..int.Min(losses.Length, p.Length - start)];
                loss.Losses(p.Slice(start, losses.Length), t.Slice(start, losses.Length), losses);
                sum += Vectorized.Sum(default(Same), losses);
            }

            return sum;
        }

        internal override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses) => loss.Losses(p, t, losses);

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, T dL, Span<T> dP)
        {
            loss.Derivatives(p, t, dP);
            Vectorized.Map(new Times(dL), dP, dP);
        }

        internal override void Gradient(ReadOnlySpan<T> p, ReadOnlySpan<T> t, ReadOnlySpan<T> dLosses, Span<T> dP)
        {
            loss.Derivatives(p, t, dP);
            Vectorized.Map(default(Product), dP, dLosses, dP);
        }

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
}
