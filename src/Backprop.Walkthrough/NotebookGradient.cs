using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>A gradient of the loss, as the library computed it.</summary>
/// <param name="Symbol">With respect to what, in the story's symbols.</param>
/// <param name="Name">The same in words.</param>
/// <param name="ByHand">The gradient: one number for a parameter, one for each point otherwise.</param>
/// <param name="Tolerance">How far another computation of it may lie away.</param>
/// <param name="Noise">How far finite differences may lie away on top of that, because the loss itself is rounded.</param>
internal sealed record NotebookGradient<T>(string Symbol, string Name, Matrix<T> ByHand, Tolerance Tolerance, double Noise)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The symbols of the four parameters, in the order of the model's.</summary>
    public static IReadOnlyList<string> Parameters { get; } = ["w1", "b1", "w2", "b2"];

    public bool IsParameter => Parameters.Contains(Symbol);

    /// <summary>How far finite differences may lie away: a relative 1e-6 in double.</summary>
    public Tolerance FiniteDifferenceTolerance => new(Tolerance.Absolute + Noise, Math.Max(Tolerance.Relative, 1e-6));

    /// <summary>All eight: the four parameters', then those on the way from the loss to x.</summary>
    /// <remarks>
    /// The tolerance is the library's own, 1e-12 + 1e-10 |g| in double, and what rounding can do beyond it when the reader chooses
    /// large weights: where large numbers cancel, a gradient is made of their last bits. How large they were, the chain rule
    /// itself tells, with absolute values in place of values.
    /// </remarks>
    public static IReadOnlyList<NotebookGradient<T>> Of(Notebook<T> notebook)
    {
        var n = notebook.X.RowCount;
        double w1 = Size(notebook.Hidden.Weight.Value[0, 0]), b1 = Size(notebook.Hidden.Bias!.Value[0]);
        double w2 = Size(notebook.Output.Weight.Value[0, 0]), b2 = Size(notebook.Output.Bias!.Value[0]);
        double dW1 = 0, dB1 = 0, dW2 = 0, dB2 = 0, dYHat = 0, dZ1 = 0, dA1 = 0, squares = 0;
        for (var i = 0; i < n; i++)
        {
            double x = Size(notebook.X[i, 0]), y = Size(notebook.Y[i, 0]), output = w2 * Size(notebook.Z1[i, 0]) + b2;
            squares += (output + y) * (output + y) / n;

            // z1 inherits the rounding of a1, which is as large as a1's terms.
            double z1 = Size(notebook.Z1[i, 0]) * (1 + w1 * x + b1);
            double dy = 2.0 / n * (w2 * z1 + b2 + y), dz = dy * w2, da = dz * z1 * (1 + z1);
            (dW1, dB1, dW2, dB2) = (dW1 + da * x, dB1 + da, dW2 + dy * z1, dB2 + dy);
            (dYHat, dZ1, dA1) = (Math.Max(dYHat, dy), Math.Max(dZ1, dz), Math.Max(dA1, da));
        }

        var epsilon = typeof(T) == typeof(double) ? Math.BitIncrement(1.0) - 1 : MathF.BitIncrement(1f) - 1;
        NotebookGradient<T> Gradient(string symbol, string name, Matrix<T> byHand, double scale)
        {
            var tolerance = Tolerance.Of<T>();
            return new(symbol, name, byHand, tolerance with { Absolute = tolerance.Absolute + 4 * epsilon * scale }, 1e-10 * squares);
        }

        return
        [
            Gradient("w1", "hidden weight", notebook.Hidden.Weight.Gradient, dW1),
            Gradient("b1", "hidden bias", notebook.Hidden.Bias.Gradient.ToColumnMatrix(), dB1),
            Gradient("w2", "output weight", notebook.Output.Weight.Gradient, dW2),
            Gradient("b2", "output bias", notebook.Output.Bias.Gradient.ToColumnMatrix(), dB2),
            Gradient("y_hat", "the network's output", notebook.DYHat, dYHat),
            Gradient("z1", "the sigmoid's output", notebook.DZ1, dZ1),
            Gradient("a1", "the hidden layer's output", notebook.DA1, dA1),
            Gradient("x", "the network's input", notebook.DX, dA1 * w1),
        ];
    }

    private static double Size(T value) => Math.Abs(double.CreateChecked(value));
}
