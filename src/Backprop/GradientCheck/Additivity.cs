using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Whether a loss of a batch is made of the losses of its parts as its reduction and its divisor say.</summary>
internal static class Additivity
{
    /// <summary>What is wrong, in words; null where nothing is, or where the batch cannot be taken in parts.</summary>
    internal static string? Problem<T>(Loss<T> loss, Matrix<T> prediction, Matrix<T> target) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = prediction.RowCount;
        if (rows < 2 || target.RowCount != rows) return null;
        var first = int.Max(1, rows / 3);
        (double Total, double Divisor) whole, parts;
        try
        {
            whole = Of(0, rows);
            var (a, b) = (Of(0, first), Of(first, rows - first));
            parts = (a.Total + b.Total, a.Divisor + b.Divisor);
        }
        catch (ArgumentException)
        {
            return null; // a part may be smaller than the loss takes
        }

        if (Close<T>(whole.Total, parts.Total) && Close<T>(whole.Divisor, parts.Divisor)) return null;
        var problem = string.Create(CultureInfo.InvariantCulture,
            $"{(loss.Reduction == Reduction.Mean ? "Loss times divisor" : "The loss, a sum,")} is {whole.Total:G10} over {rows} samples, but {parts.Total:G10} over the first {first} and the others");
        return loss.Reduction == Reduction.Mean
            ? string.Create(CultureInfo.InvariantCulture, $"{problem} (the divisors are {whole.Divisor:G10} and {parts.Divisor:G10}): override DivisorCore with what the mean divides by, or make the loss a sum.")
            : $"{problem}: make it a mean, if it is one.";

        (double Total, double Divisor) Of(int start, int count)
        {
            var (p, t) = (prediction.SubMatrix(start, count, 0, prediction.ColumnCount), target.SubMatrix(start, count, 0, target.ColumnCount));
            var divisor = loss.Divisor(p, t);
            return (divisor == 0 ? 0 : double.CreateTruncating(loss.Forward(p, t)) * (loss.Reduction == Reduction.Mean ? divisor : 1), divisor);
        }
    }

    /// <summary>Equal up to rounding.</summary>
    internal static bool Close<T>(double a, double b) =>
        a.Equals(b) || Math.Abs(a - b) <= (typeof(T) == typeof(double) ? 1e-9 : 1e-4) * Math.Max(1, Math.Max(Math.Abs(a), Math.Abs(b)));
}
