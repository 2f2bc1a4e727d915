using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>Takes some neighbouring columns of its input: one of several inputs that stand side by side.</summary>
/// <remarks>
/// <para>y[i, k] = x[i, start + k]. Shapes: x (n x m), where m is at least start + count; y (n x count).</para>
/// <para>Derivative: dX is dY in its place, and 0 in all other columns. CHAIN-RULE.md, "Columns".</para>
/// <para>PyTorch has no layer for it: one writes <c>x[:, start:start + count]</c>.</para>
/// </remarks>
/// <example><code>
/// var numbers = new Sequential&lt;double&gt; { new Columns&lt;double&gt;(0, 3), new Linear&lt;double&gt;(3, 8) };      // the first three columns
/// var word = new Sequential&lt;double&gt; { new Columns&lt;double&gt;(3, 1), new Embedding&lt;double&gt;(1000, 8) };   // the fourth
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Columns<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer that takes the columns from <paramref name="start"/> on, so many of them.</summary>
    /// <param name="start">The first column, at least 0.</param>
    /// <param name="count">How many, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The start is negative, the count below 1, or their sum is more than an int holds.</exception>
    public Columns(int start, int count)
    {
        var owner = Invariant($"Columns({start}, {count})");
        Expect.That(start >= 0, owner, start, "at least 0");
        Expect.Positive(owner, count, nameof(count));
        Expect.That(count <= int.MaxValue - start, owner, count, Invariant($"at most {int.MaxValue - start}"));
        (Start, Count) = (start, count);
    }

    /// <summary>The first column.</summary>
    public int Start { get; }

    /// <summary>How many columns there are.</summary>
    public int Count { get; }

    /// <inheritdoc/>
    public override string Formula => Invariant($"y = x[:, {Start}:{Start + Count}]");

    /// <inheritdoc/>
    public override string Derivative => Invariant($"dX[:, {Start}:{Start + Count}] = dY,  dX = 0 elsewhere");

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => inputColumns >= Start + Count
        ? Count
        : throw new ArgumentException(Invariant($"{this} expects at least {Start + Count} input columns, but there are {inputColumns}."));

    /// <inheritdoc/>
    public override string ToString() => Invariant($"Columns({Start}, {Count})");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, Count);
        // y = x[:, start:start + count]: neighbouring columns are neighbours in memory
        x.Span().Slice(Start * x.RowCount, y.Span().Length).CopyTo(y.Span());
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        // dX[:, start:start + count] = dY      dX = 0 elsewhere
        dX.Span().Clear();
        dY.Span().CopyTo(dX.Span()[(Start * dX.RowCount)..]);
        return dX;
    }
}
