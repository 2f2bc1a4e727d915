using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>The local derivative f'(x) of an activation, entry by entry: what its own backward pass, in a pass of the story's own, makes of a gradient of ones.</summary>
internal sealed class ActivationWatch<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const double Flat = 0.01;       // a gradient that passes such an entry loses two digits: tanh beyond |x| = 3, the logistic function beyond 4.6

    private readonly ForwardPass<T> _pass;
    private readonly bool _isFlatAtBothEnds;
    private Matrix<T>? _ones;

    private ActivationWatch(Activation<T> activation)
    {
        _pass = activation.NewPass();
        // Of a ReLU or a GELU one side is flat by design; saturation is what a sigmoid or a tanh has.
        var columns = activation.InputColumns ?? 1;
        try
        {
            var ends = Derivatives(Matrix<T>.Build.Dense(2, columns, (i, _) => T.CreateTruncating(i == 0 ? -1e3 : 1e3)));
            _isFlatAtBothEnds = IsFlat(ends[0]) && IsFlat(ends[1]);
        }
        catch (Exception refusal) when (refusal is not OutOfMemoryException)
        {
            // It takes no such numbers: then nobody knows its ends.
        }
    }

    /// <summary>One for an activation; null where asking it would not leave it as it is: where it learns, keeps or draws something.</summary>
    internal static ActivationWatch<T>? Of(Layer<T> layer) =>
        layer is Activation<T> activation && layer.Parameters.Count == 0 && !layer.NamedBuffers().Any() && !layer.Generators.Any() ? new(activation) : null;

    /// <summary>Looks at a batch: which units live, and the share of saturated entries, NaN for an activation that does not saturate.</summary>
    internal double Look(Matrix<T> x, UnitWatch units)
    {
        var derivatives = Derivatives(x);
        var (rows, saturated) = (x.RowCount, 0L);
        for (var j = 0; j < x.ColumnCount; j++)
        {
            var lives = false;
            foreach (var derivative in derivatives.Slice(j * rows, rows))
            {
                lives |= derivative != T.Zero;
                if (IsFlat(derivative)) saturated++;
            }

            units.See(j, rows, lives);
        }

        return _isFlatAtBothEnds && derivatives.Length > 0 ? (double)saturated / derivatives.Length : double.NaN;
    }

    private ReadOnlySpan<T> Derivatives(Matrix<T> x)
    {
        if (_ones is null || _ones.RowCount != x.RowCount || _ones.ColumnCount != x.ColumnCount) _ones = Matrix<T>.Build.Dense(x.RowCount, x.ColumnCount, T.One);
        _pass.Forward(x);
        return Norms.Entries(_pass.Backward(_ones)!);
    }

    private static bool IsFlat(T derivative) => Math.Abs(double.CreateTruncating(derivative)) <= Flat;
}
