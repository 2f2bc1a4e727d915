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
        LossTerm[] whole, parts;
        try
        {
            whole = Of(0, rows);
            parts = [.. Of(0, first).Zip(Of(first, rows - first), LossTerm.Add)];
        }
        catch (ArgumentException)
        {
            return null; // a part may be smaller than the loss takes
        }

        for (var i = 0; i < whole.Length; i++)
        {
            if (Close<T>(whole[i].Sum, parts[i].Sum) && Close<T>(whole[i].Divisor, parts[i].Divisor)) continue;
            var problem = string.Create(CultureInfo.InvariantCulture,
                $"{(whole.Length == 1 ? "" : $"Term {i}: ")}{(loss.Reduction == Reduction.Mean ? "Loss times divisor" : "The loss, a sum,")} is {whole[i].Sum:G10} over {rows} samples, but {parts[i].Sum:G10} over the first {first} and the others");
            return loss.Reduction == Reduction.Mean
                ? string.Create(CultureInfo.InvariantCulture, $"{problem} (the divisors are {whole[i].Divisor:G10} and {parts[i].Divisor:G10}): override DivisorCore with what the mean divides by, or make the loss a sum.")
                : $"{problem}: make it a mean, if it is one.";
        }

        var (value, total) = (double.CreateTruncating(loss.Forward(prediction, target)), LossTerm.Total(whole, loss.Reduction));
        return Close<T>(value, total) ? null : string.Create(CultureInfo.InvariantCulture, $"The loss is {value:G10}, but its terms make {total:G10}: override TermsCore with what the loss is the sum of.");

        LossTerm[] Of(int start, int count)
        {
            var (p, t) = (prediction.SubMatrix(start, count, 0, prediction.ColumnCount), target.SubMatrix(start, count, 0, target.ColumnCount));
            var terms = new LossTerm[loss.TermCount];
            loss.Terms(p, t, terms);
            return terms;
        }
    }

    /// <summary>Equal up to rounding.</summary>
    internal static bool Close<T>(double a, double b) =>
        a.Equals(b) || Math.Abs(a - b) <= (typeof(T) == typeof(double) ? 1e-9 : 1e-4) * Math.Max(1, Math.Max(Math.Abs(a), Math.Abs(b)));
}
