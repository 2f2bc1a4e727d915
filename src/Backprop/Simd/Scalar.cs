using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop.Simd;

/// <summary>One element: what runs where the processor (or a switch of the runtime) offers no vectors.</summary>
internal readonly unsafe struct Scalar<T>(T value) : ISimd<Scalar<T>, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _v = value;

    // The bits, in the low half for float.
    private ulong Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => typeof(T) == typeof(float) ? Unsafe.BitCast<T, uint>(_v) : Unsafe.BitCast<T, ulong>(_v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Scalar<T> FromBits(ulong bits) => FromBits((uint)bits, bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Scalar<T> Mask(bool condition) => FromBits(condition ? ulong.MaxValue : 0);

    public static int Count { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => 1; }

    public static Scalar<T> Zero { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => new(T.Zero); }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Broadcast(T value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator Scalar<T>(double constant) => typeof(T) == typeof(float)
        ? new(Unsafe.BitCast<float, T>((float)constant))
        : new(Unsafe.BitCast<double, T>(constant));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> FromBits(uint single, ulong @double) => typeof(T) == typeof(float)
        ? new(Unsafe.BitCast<uint, T>(single))
        : new(Unsafe.BitCast<ulong, T>(@double));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Load(T* source) => new(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Load(T* source, int count) => new(count > 0 ? *source : T.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* destination) => *destination = _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* destination, int count)
    {
        if (count > 0) *destination = _v;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Keep(Scalar<T> value, int count) => count > 0 ? value : Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator +(Scalar<T> left, Scalar<T> right) => new(left._v + right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator -(Scalar<T> left, Scalar<T> right) => new(left._v - right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator *(Scalar<T> left, Scalar<T> right) => new(left._v * right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator /(Scalar<T> left, Scalar<T> right) => new(left._v / right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator -(Scalar<T> value) => new(-value._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> MultiplyAdd(Scalar<T> a, Scalar<T> b, Scalar<T> c) => new(T.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Abs(Scalar<T> value) => new(T.Abs(value._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Sqrt(Scalar<T> value) => new(T.Sqrt(value._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Min(Scalar<T> left, Scalar<T> right) => new(T.Min(left._v, right._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Max(Scalar<T> left, Scalar<T> right) => new(T.Max(left._v, right._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> AtMost(Scalar<T> limit, Scalar<T> value) => limit._v < value._v ? limit : value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> AtLeast(Scalar<T> limit, Scalar<T> value) => limit._v > value._v ? limit : value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator <(Scalar<T> left, Scalar<T> right) => Mask(left._v < right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator >(Scalar<T> left, Scalar<T> right) => Mask(left._v > right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator <=(Scalar<T> left, Scalar<T> right) => Mask(left._v <= right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator >=(Scalar<T> left, Scalar<T> right) => Mask(left._v >= right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Equal(Scalar<T> left, Scalar<T> right) => Mask(left._v == right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> IsNaN(Scalar<T> value) => Mask(T.IsNaN(value._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> Select(Scalar<T> mask, Scalar<T> whenTrue, Scalar<T> whenFalse) => (mask & whenTrue) | (~mask & whenFalse);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator &(Scalar<T> left, Scalar<T> right) => FromBits(left.Bits & right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator |(Scalar<T> left, Scalar<T> right) => FromBits(left.Bits | right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator ^(Scalar<T> left, Scalar<T> right) => FromBits(left.Bits ^ right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> operator ~(Scalar<T> value) => FromBits(~value.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> AddBits(Scalar<T> left, Scalar<T> right) => FromBits(left.Bits + right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> SubtractBits(Scalar<T> left, Scalar<T> right) => FromBits(left.Bits - right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> ShiftBitsLeft(Scalar<T> value, int single, int @double) =>
        FromBits(value.Bits << (typeof(T) == typeof(float) ? single : @double));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scalar<T> ShiftBitsRight(Scalar<T> value, int single, int @double) =>
        FromBits(value.Bits >> (typeof(T) == typeof(float) ? single : @double));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Scalar<T> value) => value._v;
}
