using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A few samples: their inputs and targets, and what each sample weighs.</summary>
/// <param name="X">Inputs, a row each, or as many consecutive rows as a sample has.</param>
/// <param name="Y">Targets, a row each, or as many consecutive rows as a sample has.</param>
/// <param name="Weights">What each sample weighs, a column; null where all weigh the same.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly record struct Batch<T>(Matrix<T> X, Matrix<T> Y, Matrix<T>? Weights = null) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Inputs and targets alone.</summary>
    /// <param name="x">Inputs.</param>
    /// <param name="y">Targets.</param>
    public void Deconstruct(out Matrix<T> x, out Matrix<T> y) => (x, y) = (X, Y);
}
