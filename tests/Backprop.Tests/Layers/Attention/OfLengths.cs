using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>A layer whose passes say how long the sequences are: so long, one after the other, and from the first again where there are more.</summary>
internal sealed class OfLengths<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _steps;
    private readonly int[] _lengths;

    public OfLengths(Layer<T> f, int steps, int[] lengths)
    {
        Register("f", f);
        (_steps, _lengths) = (steps, lengths);
    }

    public override int OutputColumns(int inputColumns) => Children[0].OutputColumns(inputColumns);

    public override int OutputRows(int inputRows) => Children[0].OutputRows(inputRows);

    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var sequences = x.RowCount / _steps;
        if (pass.SequenceLengths.Length != sequences) pass.SequenceLengths = Enumerable.Range(0, sequences).Select(i => _lengths[i % _lengths.Length]).ToArray();
        return pass.Steps[0].Forward(x);
    }

    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => pass.Steps[0].Backward(dY, pass.NeedsInputGradient);
}
