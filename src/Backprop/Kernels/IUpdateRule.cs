using System.Numerics;

namespace Backprop.Kernels;

/// <summary>How an optimizer moves one value: its formula, written once for vectors of any width.</summary>
/// <remarks>
/// Hyperparameters are fields of type double; where they meet a <c>V</c> they are rounded to the element type, as PyTorch rounds its scalars.
/// The formulas have no fused multiply-add, so a step has the same bits at every width and on processors without one.
/// </remarks>
internal interface IUpdateRule<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>How many of the three buffers the formula uses; a constant to the compiler.</summary>
    static abstract int Buffers { get; }

    /// <summary>Moves p along its gradient g, and its buffers with it.</summary>
    void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T>;
}
