using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Simd;

/// <summary>
/// A vector of <see cref="Count"/> lanes of <typeparamref name="T"/> (float or double): one interface over
/// <see cref="Simd512{T}"/>, <see cref="Simd256{T}"/>, <see cref="Simd128{T}"/> and <see cref="Scalar{T}"/>, so that a
/// kernel is written once, as a generic method of <typeparamref name="TSelf"/>, and compiled for the width that runs.
/// </summary>
/// <remarks>What formulas may use is <see cref="IVector{V, T}"/>; what is added here, memory and bits, is for kernels.</remarks>
internal unsafe interface ISimd<TSelf, T> : IVector<TSelf, T>
    where TSelf : unmanaged, ISimd<TSelf, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The number of lanes; a constant to the compiler.</summary>
    static abstract int Count { get; }

    /// <summary>As in <see cref="IVector{V, T}"/>, whose conversions are not seen from here.</summary>
    static abstract implicit operator TSelf(double constant);

    /// <summary>A bit pattern in each lane: the first for float, the second for double.</summary>
    static abstract TSelf FromBits(uint single, ulong @double);

    /// <summary>Reads <see cref="Count"/> elements; no alignment is asked for.</summary>
    static abstract TSelf Load(T* source);

    /// <summary>Reads the first <paramref name="count"/> (0 to <see cref="Count"/>) elements and none beyond; the other lanes are zero.</summary>
    static abstract TSelf Load(T* source, int count);

    /// <summary>Writes <see cref="Count"/> elements; no alignment is asked for.</summary>
    void Store(T* destination);

    /// <summary>Writes the first <paramref name="count"/> (0 to <see cref="Count"/>) lanes and touches nothing beyond.</summary>
    void Store(T* destination, int count);

    /// <summary>The first <paramref name="count"/> (0 to <see cref="Count"/>) lanes; zero in the others.</summary>
    static abstract TSelf Keep(TSelf value, int count);

    static abstract TSelf Floor(TSelf value);

    /// <summary>To the nearest integer, halves to the even one.</summary>
    static abstract TSelf Round(TSelf value);

    /// <summary>The sum of the lanes' bits as integers of the same size.</summary>
    static abstract TSelf AddBits(TSelf left, TSelf right);

    /// <summary>The difference of the lanes' bits as integers of the same size.</summary>
    static abstract TSelf SubtractBits(TSelf left, TSelf right);

    /// <summary>The lanes' bits shifted left: by the first count for float, the second for double.</summary>
    static abstract TSelf ShiftBitsLeft(TSelf value, int single, int @double);

    /// <summary>The lanes' bits shifted right, zeros coming in: by the first count for float, the second for double.</summary>
    static abstract TSelf ShiftBitsRight(TSelf value, int single, int @double);

    /// <summary>The sum of the lanes, by halves: lane i + lane i + n/2, until one is left.</summary>
    static abstract T Sum(TSelf value);

    /// <summary>The greatest lane; NaN if any is NaN.</summary>
    static abstract T Max(TSelf value);

    // The elementary functions, for every width at once.

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Exp(TSelf x) => MathFunctions<T>.Exp(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Expm1(TSelf x) => MathFunctions<T>.Expm1(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Log(TSelf x) => MathFunctions<T>.Log(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Log1p(TSelf x) => MathFunctions<T>.Log1p(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Sigmoid(TSelf x) => MathFunctions<T>.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.LogSigmoid(TSelf x) => MathFunctions<T>.LogSigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Softplus(TSelf x) => MathFunctions<T>.Softplus(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Log1pOfExpOfMinusAbs(TSelf x) => MathFunctions<T>.Log1pOfExpOfMinusAbs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Tanh(TSelf x) => MathFunctions<T>.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Tanhshrink(TSelf x) => MathFunctions<T>.Tanhshrink(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Erf(TSelf x) => MathFunctions<T>.Erf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Gaussian(TSelf x) => MathFunctions<T>.Gaussian(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.Sigmoid(TSelf x, out TSelf slope) => MathFunctions<T>.Sigmoid(x, out slope);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TSelf IVector<TSelf, T>.NormalDistribution(TSelf x, out TSelf density) => MathFunctions<T>.NormalDistribution(x, out density);
}
