using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>A layer whose sequences have the lengths that their number says.</summary>
internal sealed class WithLengths<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _steps;
    private readonly Func<int, int[]> _lengths;

    public WithLengths(Layer<T> layer, int steps, Func<int, int[]> lengths)
    {
        Register("layer", layer);
        (_steps, _lengths) = (steps, lengths);
    }

    public override int? InputColumns => Children[0].Layer.InputColumns;

    public override int OutputColumns(int inputColumns) => Children[0].OutputColumns(inputColumns);

    public override int OutputRows(int inputRows) => Children[0].OutputRows(inputRows);

    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        pass.SequenceLengths = _lengths(x.RowCount / _steps);
        return pass.Steps[0].Forward(x);
    }

    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => pass.Steps[0].Backward(dY, pass.NeedsInputGradient);
}
