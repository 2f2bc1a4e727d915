using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// Entries that nobody wrote. What a layer or loss writes into is full of old numbers in training, and full of NaN in one run of a check; in another it is
/// full of zeros. What is NaN in the first alone was left as it was, or was added to.
/// </summary>
internal static class Unwritten
{
    /// <summary>What was left, in words; null where all was written.</summary>
    /// <param name="what">What was to be written: <c>The output</c>.</param>
    /// <param name="zeros">As it came from zeros.</param>
    /// <param name="nans">As it came from NaN.</param>
    public static string? Problem<T>(string what, Matrix<T> zeros, Matrix<T> nans) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var left = Entries(zeros, nans);
        if (left.Count == 0) return null;
        var places = string.Join(", ", left.Take(3).Select(i => $"({i % nans.RowCount}, {i / nans.RowCount})"));
        if (left.Count > 3) places += $" and {left.Count - 3} more";
        var added = left.Exists(i => zeros.Span()[i] != T.Zero) ? "added to, and not written first: it is " : "";
        return $"{what} at {places} is {added}left as it was: every entry must be written; its contents are unspecified before.";
    }

    /// <summary>The steps that left entries of their outputs, in words: the innermost ones, and not those that were handed NaN.</summary>
    public static IEnumerable<string> InOutputs<T>(ForwardPass<T> zeros, ForwardPass<T> nans) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var any = false;
        for (var i = 0; i < Math.Min(zeros.Steps.Count, nans.Steps.Count); i++)
        {
            if (!zeros.Steps[i].HasRun || !nans.Steps[i].HasRun) continue;
            foreach (var problem in InOutputs(zeros.Steps[i], nans.Steps[i]))
            {
                any = true;
                yield return problem;
            }
        }

        if (!any && Entries(zeros.Input, nans.Input).Count == 0 && Problem($"{Of(nans)}output", zeros.Output, nans.Output) is { } own) yield return own;
    }

    /// <summary>The steps that left entries of their input gradients, in words.</summary>
    public static IEnumerable<string> InInputGradients<T>(ForwardPass<T> zeros, ForwardPass<T> nans) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var any = false;
        for (var i = Math.Min(zeros.Steps.Count, nans.Steps.Count) - 1; i >= 0; i--)
        {
            foreach (var problem in InInputGradients(zeros.Steps[i], nans.Steps[i]))
            {
                any = true;
                yield return problem;
            }
        }

        if (!any && zeros is { OutputGradient: { } dY, InputGradient: { } dX } && nans is { OutputGradient: { } dYOfNaNs, InputGradient: { } dXOfNaNs }
            && Entries(dY, dYOfNaNs).Count == 0 && Problem($"{Of(nans)}dL/dX", dX, dXOfNaNs) is { } own) yield return own;
    }

    private static string Of<T>(ForwardPass<T> pass) where T : unmanaged, IFloatingPointIeee754<T> => pass.Path.Length == 0 ? "The layer's " : $"{pass.Who}: its ";

    private static List<int> Entries<T>(Matrix<T> zeros, Matrix<T> nans) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var left = new List<int>();
        if (zeros.RowCount != nans.RowCount || zeros.ColumnCount != nans.ColumnCount) return left;
        for (var i = 0; i < nans.Span().Length; i++)
            if (T.IsNaN(nans.Span()[i]) && !T.IsNaN(zeros.Span()[i])) left.Add(i);
        return left;
    }
}
