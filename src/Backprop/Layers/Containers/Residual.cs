using System.Numerics;
using System.Runtime.CompilerServices;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A residual connection: y = x + f(x), where f is any layer whose output has as many columns as its input.</summary>
/// <remarks>
/// <para>Shapes: x, f(x) and y (n x m). f is the child named <c>f</c>: its parameters are <c>f.weight</c> and so on.</para>
/// <para>Derivative: dX = dY + df(dY), where df is f's backward pass. CHAIN-RULE.md, "Residual".</para>
/// <para>Source: K. He et al., Deep residual learning for image recognition, CVPR 2016. PyTorch has no layer for it: one writes <c>x + f(x)</c>.</para>
/// </remarks>
/// <example><code>
/// var block = new Residual&lt;double&gt;(new Sequential&lt;double&gt; { new LayerNorm&lt;double&gt;(8), new Linear&lt;double&gt;(8, 8) });
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Residual<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer around another one.</summary>
    /// <param name="f">The layer.</param>
    /// <exception cref="ArgumentNullException"><paramref name="f"/> is null.</exception>
    public Residual(Layer<T> f) => Register("f", f);

    /// <summary>f.</summary>
    public Layer<T> F => Children[0].Layer;

    /// <inheritdoc/>
    public override int? InputColumns => F.InputColumns;

    /// <inheritdoc/>
    public override string Formula => "y = x + f(x)";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY + df(dY)";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => Children[0].OutputColumns(inputColumns) is var columns && columns == inputColumns
        ? columns
        : throw new ArgumentException($"{this} expects f to give as many columns as it gets, but for {inputColumns} it gives {columns}.");

    /// <inheritdoc/>
    public override int OutputRows(int inputRows) => Children[0].OutputRows(inputRows) is var rows && rows == inputRows
        ? rows
        : throw new ArgumentException($"{this} expects f to give as many rows as it gets, but for {inputRows} it gives {rows}.");

    /// <inheritdoc/>
    public override string ToString()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return $"Residual({F})";
    }

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var (fx, y) = (pass.Steps[0].Forward(x), pass.NewOutput(x.RowCount, x.ColumnCount));
        // y = x + f(x)
        TensorPrimitives.Add<T>(x.Span(), fx.Span(), y.Span());
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient && !pass.Steps[0].Learns) return null;
        var dF = pass.Steps[0].Backward(dY, pass.NeedsInputGradient);
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX = dY + df(dY)
        TensorPrimitives.Add<T>(dY.Span(), dF!.Span(), dX.Span());
        return dX;
    }
}
