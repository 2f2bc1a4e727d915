using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using Backprop.Simd;

namespace Backprop.Tests.Simd;

/// <summary>One of the elementary functions, its exact counterpart, and the error it may have, in units of the last place.</summary>
internal abstract record Function<T>(string Name, Func<double, Exact> Exact, double MaxUlps)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static readonly IReadOnlyDictionary<string, Function<T>> All = new Function<T>[]
    {
        new Function<T, Exp>(nameof(Exp), Simd.Exact.Exp, 1),
        new Function<T, Expm1>(nameof(Expm1), Simd.Exact.Expm1, 1.8),
        new Function<T, Sigmoid>(nameof(Sigmoid), Simd.Exact.Sigmoid, 1.7),
        new Function<T, LogSigmoid>(nameof(LogSigmoid), Simd.Exact.LogSigmoid, 1.9),
        new Function<T, Softplus>(nameof(Softplus), Simd.Exact.Softplus, 1.9),
        new Function<T, Tanh>(nameof(Tanh), Simd.Exact.Tanh, 1.4),
        new Function<T, Erf>(nameof(Erf), Simd.Exact.Erf, 2.4),
        new Function<T, Gaussian>(nameof(Gaussian), Simd.Exact.Gaussian, 1),
        new Function<T, Log>(nameof(Log), Simd.Exact.Log, 0.85),
        new Function<T, Log1p>(nameof(Log1p), Simd.Exact.Log1p, 1.4),
    }.ToDictionary(f => f.Name);

    /// <summary>The function's values, by the loop the layers use.</summary>
    public abstract void Map(ReadOnlySpan<T> x, Span<T> y);

    /// <summary>The function's values with vectors of that many bytes; 0 for none.</summary>
    public abstract T[] Map(T[] x, int bytes);

    public double Ulps(T x, T y) => typeof(T) == typeof(float)
        ? Exact(double.CreateTruncating(x)).Ulps(double.CreateTruncating(y), 24, -149, 127)
        : Exact(double.CreateTruncating(x)).Ulps(double.CreateTruncating(y), 53, -1074, 1023);

    private readonly struct Exp : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Exp(x);
    }

    private readonly struct Expm1 : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Expm1(x);
    }

    private readonly struct Sigmoid : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Sigmoid(x);
    }

    private readonly struct LogSigmoid : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.LogSigmoid(x);
    }

    private readonly struct Softplus : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Softplus(x);
    }

    private readonly struct Tanh : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Tanh(x);
    }

    private readonly struct Erf : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Erf(x);
    }

    private readonly struct Gaussian : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Gaussian(x);
    }

    private readonly struct Log : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Log(x);
    }

    private readonly struct Log1p : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Log1p(x);
    }
}

internal sealed record Function<T, TFunction>(string Name, Func<double, Exact> Exact, double MaxUlps) : Function<T>(Name, Exact, MaxUlps)
    where T : unmanaged, IFloatingPointIeee754<T>
    where TFunction : struct, IUnary<T>
{
    public override void Map(ReadOnlySpan<T> x, Span<T> y) => Elementwise.Map(default(TFunction), x, y);

    public override T[] Map(T[] x, int bytes) => bytes switch
    {
        64 => MapAt<Simd512<T>>(x),
        32 => MapAt<Simd256<T>>(x),
        16 => MapAt<Simd128<T>>(x),
        _ => MapAt<Scalar<T>>(x),
    };

    private static unsafe T[] MapAt<V>(T[] x) where V : unmanaged, ISimd<V, T>
    {
        var y = new T[x.Length];
        fixed (T* px = x, py = y)
        {
            for (int i = 0; i < x.Length; i += V.Count)
            {
                int count = int.Min(x.Length - i, V.Count);
                default(TFunction).Invoke(V.Load(px + i, count)).Store(py + i, count);
            }
        }

        return y;
    }
}
