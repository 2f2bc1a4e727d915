using System.Numerics;

namespace Backprop.Simd;

/// <summary>
/// A vector of <see cref="Count"/> lanes of <typeparamref name="T"/> (float or double): one interface over
/// <see cref="Simd512{T}"/>, <see cref="Simd256{T}"/>, <see cref="Simd128{T}"/> and <see cref="Scalar{T}"/>, so that a
/// kernel is written once, as a generic method of <typeparamref name="TSelf"/>, and compiled for the width that runs.
/// </summary>
/// <remarks>
/// Every operation works on each lane alone and is the IEEE 754 operation of that name, so the same sequence of
/// operations gives the same bits at each width. The one exception is <see cref="MultiplyAdd"/>: fused where the hardware
/// fuses, else a product and a sum. Masks, as in System.Runtime.Intrinsics, are vectors whose lanes have all bits set or none.
/// </remarks>
internal unsafe interface ISimd<TSelf, T>
    where TSelf : unmanaged, ISimd<TSelf, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The number of lanes; a constant to the compiler.</summary>
    static abstract int Count { get; }

    /// <summary>Zero in each lane.</summary>
    static abstract TSelf Zero { get; }

    /// <summary><paramref name="value"/> in each lane.</summary>
    static abstract TSelf Broadcast(T value);

    /// <summary>The constant, rounded to <typeparamref name="T"/>, in each lane: lets formulas say <c>0.5 * x</c>.</summary>
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

    static abstract TSelf operator +(TSelf left, TSelf right);
    static abstract TSelf operator -(TSelf left, TSelf right);
    static abstract TSelf operator *(TSelf left, TSelf right);
    static abstract TSelf operator /(TSelf left, TSelf right);
    static abstract TSelf operator -(TSelf value);

    /// <summary>a b + c: rounded once where the hardware has a fused multiply-add, else twice. Never the slow software one.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Abs(TSelf value);
    static abstract TSelf Sqrt(TSelf value);

    /// <summary>The lesser; NaN if either is NaN; -0 is less than +0.</summary>
    static abstract TSelf Min(TSelf left, TSelf right);

    /// <summary>The greater; NaN if either is NaN; +0 is greater than -0.</summary>
    static abstract TSelf Max(TSelf left, TSelf right);

    /// <summary>
    /// The lesser in one instruction, for clamping: a NaN in <paramref name="value"/> stays NaN. <paramref name="limit"/> must not be NaN,
    /// and which of two zeros comes back is not defined.
    /// </summary>
    static abstract TSelf AtMost(TSelf limit, TSelf value);

    /// <summary>
    /// The greater in one instruction, for clamping: a NaN in <paramref name="value"/> stays NaN. <paramref name="limit"/> must not be NaN,
    /// and which of two zeros comes back is not defined.
    /// </summary>
    static abstract TSelf AtLeast(TSelf limit, TSelf value);

    static abstract TSelf operator <(TSelf left, TSelf right);
    static abstract TSelf operator >(TSelf left, TSelf right);
    static abstract TSelf operator <=(TSelf left, TSelf right);
    static abstract TSelf operator >=(TSelf left, TSelf right);
    static abstract TSelf Equal(TSelf left, TSelf right);
    static abstract TSelf IsNaN(TSelf value);

    /// <summary><paramref name="whenTrue"/> where the mask is set, else <paramref name="whenFalse"/>.</summary>
    static abstract TSelf Select(TSelf mask, TSelf whenTrue, TSelf whenFalse);

    static abstract TSelf operator &(TSelf left, TSelf right);
    static abstract TSelf operator |(TSelf left, TSelf right);
    static abstract TSelf operator ^(TSelf left, TSelf right);
    static abstract TSelf operator ~(TSelf value);

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
}
