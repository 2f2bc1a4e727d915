using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A few samples: their inputs and targets, what each sample weighs, and how long its sequence is.</summary>
/// <param name="X">Inputs, a row each, or as many consecutive rows as a sample has.</param>
/// <param name="Y">Targets, a row each, or as many consecutive rows as a sample has.</param>
/// <param name="Weights">What each sample weighs, a column; null where all weigh the same.</param>
/// <param name="Lengths">How many of its rows of inputs each sample really has; empty where all have all. See <see cref="ForwardPass{T}.SequenceLengths"/>.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly record struct Batch<T>(Matrix<T> X, Matrix<T> Y, Matrix<T>? Weights = null, ReadOnlyMemory<int> Lengths = default) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Inputs and targets alone.</summary>
    /// <param name="x">Inputs.</param>
    /// <param name="y">Targets.</param>
    public void Deconstruct(out Matrix<T> x, out Matrix<T> y) => (x, y) = (X, Y);

    /// <summary>Inputs, targets and weights.</summary>
    /// <param name="x">Inputs.</param>
    /// <param name="y">Targets.</param>
    /// <param name="weights">What each sample weighs; null where all weigh the same.</param>
    public void Deconstruct(out Matrix<T> x, out Matrix<T> y, out Matrix<T>? weights) => (x, y, weights) = (X, Y, Weights);
}
