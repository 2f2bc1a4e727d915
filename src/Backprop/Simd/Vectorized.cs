using System.Numerics;
using Backprop.Kernels;

namespace Backprop;

/// <summary>Applies a formula to all numbers of one, two or three spans, at the width that the processor has; or adds up what it gives.</summary>
/// <remarks>
/// <para>The same numbers give the same bits at each place, in each length and at each width; sums are taken in an order that depends on the length alone,
/// and are right to the precision of <c>float</c> however many floats are added: so they are given in double.</para>
/// <para>A result may be one of the inputs.</para>
/// </remarks>
/// <example><code>
/// private readonly struct Scale(double factor) : IUnary&lt;float&gt;
/// {
///     [MethodImpl(MethodImplOptions.AggressiveInlining)]
///     public V Invoke&lt;V&gt;(V x) where V : unmanaged, IVector&lt;V, float&gt; => factor * x;
/// }
///
/// Vectorized.Map(new Scale(2), values, result);
/// </code></example>
public static class Vectorized
{
    /// <summary><c>result[i] = f(x[i])</c></summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TFunction">The formula.</typeparam>
    /// <param name="f">The formula.</param>
    /// <param name="x">The input.</param>
    /// <param name="result">Receives the values.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the result overlaps an input without being it.</exception>
    public static void Map<T, TFunction>(TFunction f, ReadOnlySpan<T> x, Span<T> result) where T : unmanaged, IFloatingPointIeee754<T> where TFunction : struct, IUnary<T>
    {
        RefuseOverlap(x, result);
        Elementwise.Map(f, x, result);
    }

    /// <summary><c>result[i] = f(x[i], y[i])</c></summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TFunction">The formula.</typeparam>
    /// <param name="f">The formula.</param>
    /// <param name="x">The first input.</param>
    /// <param name="y">The second input.</param>
    /// <param name="result">Receives the values.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the result overlaps an input without being it.</exception>
    public static void Map<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> result) where T : unmanaged, IFloatingPointIeee754<T> where TFunction : struct, IBinary<T>
    {
        RefuseOverlap(x, result);
        RefuseOverlap(y, result);
        Elementwise.Map(f, x, y, result);
    }

    /// <summary><c>result[i] = f(x[i], y[i], z[i])</c></summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TFunction">The formula.</typeparam>
    /// <param name="f">The formula.</param>
    /// <param name="x">The first input.</param>
    /// <param name="y">The second input.</param>
    /// <param name="z">The third input.</param>
    /// <param name="result">Receives the values.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the result overlaps an input without being it.</exception>
    public static void Map<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> z, Span<T> result)
        where T : unmanaged, IFloatingPointIeee754<T> where TFunction : struct, ITernary<T>
    {
        RefuseOverlap(x, result);
        RefuseOverlap(y, result);
        RefuseOverlap(z, result);
        Elementwise.Map(f, x, y, z, result);
    }

    /// <summary>The sum of <c>f(x[i])</c>; 0 for an empty span.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TFunction">The formula.</typeparam>
    /// <param name="f">The formula.</param>
    /// <param name="x">The input.</param>
    public static double Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x) where T : unmanaged, IFloatingPointIeee754<T> where TFunction : struct, IUnary<T> => Reductions.Sum(f, x);

    /// <summary>The sum of <c>f(x[i], y[i])</c>; 0 for empty spans.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TFunction">The formula.</typeparam>
    /// <param name="f">The formula.</param>
    /// <param name="x">The first input.</param>
    /// <param name="y">The second input.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : unmanaged, IFloatingPointIeee754<T> where TFunction : struct, IBinary<T> =>
        Reductions.Sum(f, x, y);

    /// <summary>The sum of <c>f(x[i], y[i], z[i])</c>; 0 for empty spans.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TFunction">The formula.</typeparam>
    /// <param name="f">The formula.</param>
    /// <param name="x">The first input.</param>
    /// <param name="y">The second input.</param>
    /// <param name="z">The third input.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Sum<T, TFunction>(TFunction f, ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> z)
        where T : unmanaged, IFloatingPointIeee754<T> where TFunction : struct, ITernary<T> => Reductions.Sum(f, x, y, z);

    private static void RefuseOverlap<T>(ReadOnlySpan<T> x, Span<T> result)
    {
        if (x.Overlaps(result, out var offset) && offset != 0) throw new ArgumentException("The result may be one of the inputs, or lie apart from it, but it overlaps one in part.", nameof(result));
    }
}
