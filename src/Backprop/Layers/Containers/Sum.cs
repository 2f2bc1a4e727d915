using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Branches whose outputs are added: y = f_1(x) + f_2(x) + ..., where each is any layer, and all give as many columns.</summary>
/// <remarks>
/// <para>Shapes: x (n x m), f_i(x) and y (n x k). The branches are children: their parameters are <c>wide.weight</c> and so on.</para>
/// <para>Derivative: dX = df_1(dY) + df_2(dY) + ..., where df_i is f_i's backward pass. CHAIN-RULE.md, "Sum".</para>
/// <para>PyTorch has no layer for it: one writes <c>f(x) + g(x)</c>. <see cref="Residual{T}"/> is the sum of the identity and f.</para>
/// </remarks>
/// <example><code>
/// var gated = new Sum&lt;double&gt; { { "linear", new Linear&lt;double&gt;(3, 4) }, { "bent", new Sequential&lt;double&gt; { new Linear&lt;double&gt;(3, 4), new Tanh&lt;double&gt;() } } };
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="branches">The branches, in the order of the additions; more may be added.</param>
public sealed class Sum<T>(params Layer<T>[] branches) : Branches<T>(branches) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = f_1(x) + f_2(x) + ...";

    /// <inheritdoc/>
    public override string Derivative => "dX = df_1(dY) + df_2(dY) + ...";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns)
    {
        RequireBranch();
        var columns = Children[0].OutputColumns(inputColumns);
        for (var i = 1; i < Children.Count; i++)
            if (Children[i].OutputColumns(inputColumns) is var other && other != columns) throw Unequal("columns", inputColumns, columns, i, other);
        return columns;
    }

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var first = pass.StepSpan[0].Forward(x);
        var y = pass.NewOutput(first.RowCount, first.ColumnCount);
        // y = f_1(x) + f_2(x) + ...
        first.Span().CopyTo(y.Span());
        foreach (var step in pass.StepSpan[1..]) TensorPrimitives.Add<T>(y.Span(), step.Forward(x).Span(), y.Span());
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NeedsInputGradient ? pass.NewInputGradient() : null;
        for (var i = 0; i < pass.StepSpan.Length; i++)
        {
            if (dX is null && !pass.StepSpan[i].Learns) continue;
            // dX = df_1(dY) + df_2(dY) + ...
            var dF = pass.StepSpan[i].Backward(dY, pass.NeedsInputGradient);
            if (dX is null) continue;
            if (i == 0) dF!.Span().CopyTo(dX.Span());
            else TensorPrimitives.Add<T>(dX.Span(), dF!.Span(), dX.Span());
        }

        return dX;
    }
}
