using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Branches whose outputs stand side by side: y = [f_1(x) | f_2(x) | ...], where each is any layer.</summary>
/// <remarks>
/// <para>Shapes: x (n x m), f_i(x) (n x m_i), y (n x m_1 + m_2 + ...). The branches are children: their parameters are <c>wide.weight</c> and so on.</para>
/// <para>Derivative: dX = df_1(dY_1) + df_2(dY_2) + ..., where dY_i is the part of dY in the columns of f_i(x), and df_i is f_i's backward pass.
/// CHAIN-RULE.md, "Concat".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.cat.html">torch.cat</see> with dim=1.</para>
/// </remarks>
/// <example><code>
/// var features = new Concat&lt;double&gt;
/// {
///     { "numbers", new Columns&lt;double&gt;(0, 3) },
///     { "word", new Sequential&lt;double&gt; { new Columns&lt;double&gt;(3, 1), new Embedding&lt;double&gt;(1000, 8) } },
/// };   // 4 columns become 3 + 8
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="branches">The branches, left to right; more may be added.</param>
public sealed class Concat<T>(params Layer<T>[] branches) : Branches<T>(branches) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Formula => "y = [f_1(x) | f_2(x) | ...]";

    /// <inheritdoc/>
    public override string Derivative => "dX = df_1(dY_1) + df_2(dY_2) + ...,  dY = [dY_1 | dY_2 | ...]";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns)
    {
        RequireBranch();
        var columns = 0;
        for (var i = 0; i < Children.Count; i++) columns += Children[i].OutputColumns(inputColumns);
        return columns;
    }

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new ConcatPass<T>(this, training);

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var (rows, columns) = (0, 0);
        foreach (var step in pass.StepSpan)
        {
            var part = step.Forward(x);
            (rows, columns) = (part.RowCount, columns + part.ColumnCount);
        }

        // y = [f_1(x) | f_2(x) | ...]
        var y = pass.NewOutput(rows, columns);
        var rest = y.Span();
        foreach (var step in pass.StepSpan)
        {
            var part = step.Output.Span();
            part.CopyTo(rest);
            rest = rest[part.Length..];
        }

        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NeedsInputGradient ? pass.NewInputGradient() : null;
        ReadOnlySpan<T> rest = dY.Span();
        for (var i = 0; i < pass.StepSpan.Length; i++)
        {
            var step = pass.StepSpan[i];
            var own = rest[..step.Output.Span().Length];
            rest = rest[own.Length..];
            if (dX is null && !step.Learns) continue;
            var dPart = ((ConcatPass<T>)pass).Part(i, step.Output);
            own.CopyTo(dPart.Span());
            // dX = df_1(dY_1) + df_2(dY_2) + ...
            var dF = step.Backward(dPart, pass.NeedsInputGradient);
            if (dX is null) continue;
            if (i == 0) dF!.Span().CopyTo(dX.Span());
            else TensorPrimitives.Add<T>(dX.Span(), dF!.Span(), dX.Span());
        }

        return dX;
    }
}
