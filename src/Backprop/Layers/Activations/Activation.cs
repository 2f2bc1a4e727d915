using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A function applied to each entry of its input: y = f(x), dX = dY * f'(x).</summary>
/// <remarks>
/// <para>To add one, write f and f' over spans, by hand or with <c>TensorPrimitives</c>. All else, shapes, passes and reuse, is here.</para>
/// <para>The fast way is a <see cref="VectorizedActivation{T}"/>: one formula and its derivative, at the width that the processor has.</para>
/// </remarks>
/// <example><code>
/// public sealed class Square&lt;T&gt; : Activation&lt;T&gt; where T : unmanaged, IFloatingPointIeee754&lt;T&gt;
/// {
///     protected override void Apply(ReadOnlySpan&lt;T&gt; x, Span&lt;T&gt; y)
///     {
///         for (var i = 0; i &lt; x.Length; i++) y[i] = x[i] * x[i];
///     }
///
///     protected override void Differentiate(ReadOnlySpan&lt;T&gt; x, ReadOnlySpan&lt;T&gt; y, ReadOnlySpan&lt;T&gt; dY, Span&lt;T&gt; dX)
///     {
///         for (var i = 0; i &lt; x.Length; i++) dX[i] = dY[i] * (x[i] + x[i]);
///     }
/// }
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Activation<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>y = f(x), every entry of it.</summary>
    /// <param name="x">The input.</param>
    /// <param name="y">Receives the output; its contents are unspecified before.</param>
    protected abstract void Apply(ReadOnlySpan<T> x, Span<T> y);

    /// <summary>dX = dY * f'(x), every entry of it.</summary>
    /// <param name="x">The input.</param>
    /// <param name="y">The output.</param>
    /// <param name="dY">The gradient of the output.</param>
    /// <param name="dX">Receives the gradient of the input; its contents are unspecified before.</param>
    protected abstract void Differentiate(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> dY, Span<T> dX);

    /// <inheritdoc/>
    public sealed override int OutputColumns(int inputColumns) => inputColumns;

    /// <inheritdoc/>
    public sealed override int OutputRows(int inputRows) => inputRows;

    /// <inheritdoc/>
    protected sealed override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        Apply(x.Span(), y.Span());
        return y;
    }

    /// <inheritdoc/>
    protected sealed override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        Differentiate(pass.Input.Span(), pass.Output.Span(), dY.Span(), dX.Span());
        return dX;
    }
}
