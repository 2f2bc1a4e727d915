using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// How the losses of single entries become one number. PyTorch's third reduction, <c>none</c>, is
/// <see cref="Loss{T}.Unreduced(Matrix{T}, Matrix{T})"/> here, since it gives a matrix.
/// </summary>
public enum Reduction
{
    /// <summary>Their mean; over no entries it is NaN.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,
}
