using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss of samples that may weigh differently; where they have no weights, it is the loss itself.</summary>
/// <remarks>
/// With s_i what the sample of row i weighs, l_i its unreduced losses and d_i what it adds to what the mean divides by:
/// L = sum s_i l_i / sum s_i d_i, and dL/dl_i = s_i / sum s_i d_i. A weight of 2 is the same sample twice, whatever else the loss weighs or ignores.
/// </remarks>
internal sealed class WeightedLoss<T>(Loss<T> loss) where T : unmanaged, IFloatingPointIeee754<T>
{
    private ReusedMatrix<T> _losses, _dLosses, _row, _target;

    /// <summary>L, reduced to one number.</summary>
    internal T Forward(Matrix<T> prediction, Matrix<T> target, Matrix<T>? weights)
    {
        if (weights is null) return loss.Forward(prediction, target);
        var losses = Unreduced(prediction, target);
        var (sum, rows) = (0.0, RowsOfASample(prediction, weights));
        for (var j = 0; j < losses.ColumnCount; j++)
            for (var i = 0; i < losses.RowCount; i++) sum += double.CreateTruncating(weights.Span()[i / rows]) * double.CreateTruncating(losses.Span()[j * losses.RowCount + i]);
        return T.CreateTruncating(loss.Reduction == Reduction.Mean ? sum / Divisor(prediction, target, weights) : sum);
    }

    /// <summary>L and dL/dprediction, of samples of which some count.</summary>
    internal T ForwardBackward(Matrix<T> prediction, Matrix<T> target, Matrix<T>? weights, Matrix<T> result)
    {
        if (weights is null) return loss.ForwardBackward(prediction, target, result);
        var value = Forward(prediction, target, weights);
        Backward(prediction, target, weights, result);
        return value;
    }

    private Matrix<T> Unreduced(Matrix<T> prediction, Matrix<T> target)
    {
        try
        {
            return loss.Unreduced(prediction, target, Losses(prediction, target));
        }
        catch (NotSupportedException exception)
        {
            throw new NotSupportedException($"{loss} cannot be given samples that weigh differently: it does not say what each sample's loss is. {exception.Message}", exception);
        }
    }

    /// <summary>What the mean divides by.</summary>
    internal double Divisor(Matrix<T> prediction, Matrix<T> target, Matrix<T>? weights)
    {
        if (weights is null) return loss.Divisor(prediction, target);
        var (sum, rows) = (0.0, RowsOfASample(prediction, weights));
        Matrix<T> row = _row.Get(1, prediction.ColumnCount), its = _target.Get(1, target.ColumnCount);
        for (var i = 0; i < prediction.RowCount; i++)
            sum += double.CreateTruncating(weights.Span()[i / rows]) * loss.Divisor(Samples<T>.Slice(prediction, i, row), Samples<T>.Slice(target, i, its));
        return sum;
    }

    /// <summary>dL/dprediction, in <paramref name="result"/>.</summary>
    internal Matrix<T> Backward(Matrix<T> prediction, Matrix<T> target, Matrix<T>? weights, Matrix<T> result)
    {
        if (weights is null) return loss.Backward(prediction, target, result);
        var losses = Losses(prediction, target);
        var dLosses = _dLosses.Get(losses.RowCount, losses.ColumnCount);
        var (factor, rows) = (loss.Reduction == Reduction.Mean ? 1 / Divisor(prediction, target, weights) : 1, RowsOfASample(prediction, weights));
        for (var j = 0; j < dLosses.ColumnCount; j++)
            for (var i = 0; i < dLosses.RowCount; i++) dLosses.Span()[j * dLosses.RowCount + i] = T.CreateTruncating(double.CreateTruncating(weights.Span()[i / rows]) * factor);
        return loss.UnreducedBackward(prediction, target, dLosses, result);
    }

    private Matrix<T> Losses(Matrix<T> prediction, Matrix<T> target) => _losses.Get(prediction.RowCount, loss.UnreducedColumnsOf(prediction, target));

    private int RowsOfASample(Matrix<T> prediction, Matrix<T> weights)
    {
        Operand.Exactly(loss, weights, weights.RowCount, 1, nameof(weights));
        if (weights.RowCount == 0 || prediction.RowCount % weights.RowCount != 0)
            throw new ArgumentException($"{loss} expects whole samples, a weight for each, but prediction is {Operand.Shape(prediction)} and there are {weights.RowCount} weights.", nameof(weights));
        if (Entries.IndexOutside<T>(weights.Span(), T.Zero, T.BitDecrement(T.PositiveInfinity), refuseNaN: true) is >= 0 and var i)
            throw new ArgumentOutOfRangeException(nameof(weights), $"{loss} expects weights that are finite and at least 0, but {Entries.Entry(weights, i, nameof(weights))}.");
        return prediction.RowCount / weights.RowCount;
    }
}
