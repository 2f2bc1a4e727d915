using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>
/// A function together with the spans it reads, so that each loop is written once for one, two and three inputs.
/// Loading and computing are apart because a loop in place must read its end before it writes there.
/// </summary>
internal interface IOperation<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    Inputs<V> Load<V>(int index) where V : unmanaged, ISimd<V, T>;

    Inputs<V> Load<V>(int index, int count) where V : unmanaged, ISimd<V, T>;

    V Invoke<V>(Inputs<V> inputs) where V : unmanaged, ISimd<V, T>;
}

internal readonly struct Inputs<V>(V x, V y, V z)
{
    public readonly V X = x, Y = y, Z = z;
}

internal readonly unsafe struct Unary<T, TFunction>(TFunction function, T* x) : IOperation<T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TFunction : struct, IUnary<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Inputs<V> Load<V>(int index) where V : unmanaged, ISimd<V, T> => new(V.Load(x + index), default, default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Inputs<V> Load<V>(int index, int count) where V : unmanaged, ISimd<V, T> => new(V.Load(x + index, count), default, default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(Inputs<V> inputs) where V : unmanaged, ISimd<V, T> => function.Invoke(inputs.X);
}

internal readonly unsafe struct Binary<T, TFunction>(TFunction function, T* x, T* y) : IOperation<T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TFunction : struct, IBinary<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Inputs<V> Load<V>(int index) where V : unmanaged, ISimd<V, T> => new(V.Load(x + index), V.Load(y + index), default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Inputs<V> Load<V>(int index, int count) where V : unmanaged, ISimd<V, T> =>
        new(V.Load(x + index, count), V.Load(y + index, count), default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(Inputs<V> inputs) where V : unmanaged, ISimd<V, T> => function.Invoke(inputs.X, inputs.Y);
}

internal readonly unsafe struct Ternary<T, TFunction>(TFunction function, T* x, T* y, T* z) : IOperation<T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TFunction : struct, ITernary<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Inputs<V> Load<V>(int index) where V : unmanaged, ISimd<V, T> =>
        new(V.Load(x + index), V.Load(y + index), V.Load(z + index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Inputs<V> Load<V>(int index, int count) where V : unmanaged, ISimd<V, T> =>
        new(V.Load(x + index, count), V.Load(y + index, count), V.Load(z + index, count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(Inputs<V> inputs) where V : unmanaged, ISimd<V, T> => function.Invoke(inputs.X, inputs.Y, inputs.Z);
}
