using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Fits all the preprocessing of a network.</summary>
public static class PreprocessingExtensions
{
    /// <summary>Fits each <see cref="Preprocessing{T}"/> in a network to what those before it make of samples.</summary>
    /// <remarks>It goes through <see cref="Sequential{T}"/> one after the other and into each branch of <see cref="Concat{T}"/> and <see cref="Sum{T}"/>, and runs no layer behind the
    /// last that is to be fitted. In other containers nothing is found to fit; what stands in one is refused.</remarks>
    /// <param name="model">The network.</param>
    /// <param name="x">Training inputs, a row each; dense, at least one row.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> does not fit, or a column is one that a layer cannot use; or a layer to be fitted stands in another container.</exception>
    public static void FitPreprocessing<T>(this Layer<T> model, Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(x);
        Fit(model, x);
    }

    private static void Fit<T>(Layer<T> layer, Matrix<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (layer)
        {
            case Preprocessing<T> preprocessing: preprocessing.Fit(x); break;
            case Sequential<T>:
                var last = layer.Children.Count - 1;
                while (last >= 0 && !Holds(layer.Children[last].Layer)) last--;
                for (var i = 0; i <= last; i++)
                {
                    var child = layer.Children[i].Layer;
                    Fit(child, x);
                    if (i < last) x = child.Forward(x);
                }

                break;
            case Branches<T>:
                foreach (var (_, branch) in layer.Children) Fit(branch, x);
                break;
            default:
                if (Holds(layer)) throw new ArgumentException($"FitPreprocessing expects what is to be fitted in Sequential, Concat or Sum, but it stands in {layer}; fit that by itself.", nameof(layer));
                break;
        }
    }

    private static bool Holds<T>(Layer<T> layer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return layer is Preprocessing<T> || layer.Children.Any(child => Holds(child.Layer));
    }
}
