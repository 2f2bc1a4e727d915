using System.Numerics;

namespace Backprop;

/// <summary>
/// Some numbers side by side, as a formula sees them: write <c>V Forward&lt;V&gt;(V x) where V : unmanaged, IVector&lt;V, T&gt; => x * V.Sigmoid(x)</c> once, and it
/// runs at whatever width the processor has.
/// </summary>
/// <remarks>
/// <para>Every operation works on each number alone and is the IEEE 754 operation of that name, so a formula gives the same bits at each width and in each
/// place. The one exception is <see cref="MultiplyAdd"/>: fused where the hardware fuses, else a product and a sum.</para>
/// <para>A formula has no branches. A comparison gives a mask, and <see cref="Select"/> chooses by it: both sides are computed, and what is not chosen does no
/// harm, be it NaN. Masks are vectors too, of all bits or none, and can be combined by <c>&amp;</c>, <c>|</c>, <c>^</c> and <c>~</c>.</para>
/// <para>The elementary functions take all numbers: NaN gives NaN, infinities give the limits, and odd functions keep the sign of zero. The error of each is the
/// greatest found, in units of the last place, for float / double.</para>
/// <para>Give the methods that hold a formula <c>[MethodImpl(MethodImplOptions.AggressiveInlining)]</c>, and put them into a readonly struct.</para>
/// </remarks>
/// <typeparam name="V">The vector itself.</typeparam>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public interface IVector<V, T>
    where V : unmanaged, IVector<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Zero everywhere.</summary>
    static abstract V Zero { get; }

    /// <summary>The same number everywhere.</summary>
    /// <param name="value">The number.</param>
    static abstract V Broadcast(T value);

    /// <summary>A constant everywhere, rounded to <typeparamref name="T"/>: lets formulas say <c>0.5 * x</c>.</summary>
    /// <param name="constant">The constant.</param>
    static abstract implicit operator V(double constant);

    /// <summary>The sum.</summary>
    static abstract V operator +(V left, V right);

    /// <summary>The difference.</summary>
    static abstract V operator -(V left, V right);

    /// <summary>The product.</summary>
    static abstract V operator *(V left, V right);

    /// <summary>The quotient.</summary>
    static abstract V operator /(V left, V right);

    /// <summary>The negative.</summary>
    static abstract V operator -(V value);

    /// <summary>a b + c: rounded once where the hardware has a fused multiply-add, else twice. Never the slow software one.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The magnitude.</summary>
    static abstract V Abs(V value);

    /// <summary>The square root; NaN below zero.</summary>
    static abstract V Sqrt(V value);

    /// <summary>The lesser; NaN if either is NaN; -0 is less than +0.</summary>
    static abstract V Min(V left, V right);

    /// <summary>The greater; NaN if either is NaN; +0 is greater than -0.</summary>
    static abstract V Max(V left, V right);

    /// <summary>The lesser in one instruction, for clamping: a NaN in <paramref name="value"/> stays NaN. Which of two zeros comes back is not defined.</summary>
    /// <param name="limit">The limit; not NaN.</param>
    /// <param name="value">What is limited.</param>
    static abstract V AtMost(V limit, V value);

    /// <summary>The greater in one instruction, for clamping: a NaN in <paramref name="value"/> stays NaN. Which of two zeros comes back is not defined.</summary>
    /// <param name="limit">The limit; not NaN.</param>
    /// <param name="value">What is limited.</param>
    static abstract V AtLeast(V limit, V value);

    /// <summary>A mask of where the left is less.</summary>
    static abstract V operator <(V left, V right);

    /// <summary>A mask of where the left is greater.</summary>
    static abstract V operator >(V left, V right);

    /// <summary>A mask of where the left is less or equal.</summary>
    static abstract V operator <=(V left, V right);

    /// <summary>A mask of where the left is greater or equal.</summary>
    static abstract V operator >=(V left, V right);

    /// <summary>A mask of where both are equal.</summary>
    static abstract V Equal(V left, V right);

    /// <summary>A mask of where there is NaN.</summary>
    static abstract V IsNaN(V value);

    /// <summary><paramref name="whenTrue"/> where the mask is set, else <paramref name="whenFalse"/>.</summary>
    /// <param name="mask">What a comparison gave.</param>
    /// <param name="whenTrue">Taken where it is set.</param>
    /// <param name="whenFalse">Taken elsewhere.</param>
    static abstract V Select(V mask, V whenTrue, V whenFalse);

    /// <summary>Both masks; of a number and a mask, the number where it is set and else 0.</summary>
    static abstract V operator &(V left, V right);

    /// <summary>Either mask.</summary>
    static abstract V operator |(V left, V right);

    /// <summary>One mask and not the other.</summary>
    static abstract V operator ^(V left, V right);

    /// <summary>Where the mask is not set.</summary>
    static abstract V operator ~(V value);

    /// <summary>e^x. Error: 0.90 / 0.92 ulp.</summary>
    static abstract V Exp(V x);

    /// <summary>e^x - 1, to its last digits also near zero. Error: 1.74 / 1.74 ulp.</summary>
    static abstract V Expm1(V x);

    /// <summary>The natural logarithm; NaN below zero. Error: 0.82 / 0.80 ulp.</summary>
    static abstract V Log(V x);

    /// <summary>log(1 + x), to its last digits also near zero; NaN below -1. Error: 1.38 / 1.36 ulp.</summary>
    static abstract V Log1p(V x);

    /// <summary>1 / (1 + e^-x). Error: 1.63 / 1.66 ulp.</summary>
    static abstract V Sigmoid(V x);

    /// <summary>s = 1 / (1 + e^-x) and its derivative s (1 - s), which keeps its digits also where s is near 1.</summary>
    /// <param name="x">x.</param>
    /// <param name="slope">s (1 - s).</param>
    static abstract V Sigmoid(V x, out V slope);

    /// <summary>log(1 / (1 + e^-x)). Error: 1.87 / 1.76 ulp.</summary>
    static abstract V LogSigmoid(V x);

    /// <summary>log(1 + e^x). Error: 1.87 / 1.76 ulp.</summary>
    static abstract V Softplus(V x);

    /// <summary>log(1 + e^-|x|), the part of <see cref="Softplus"/> and <see cref="LogSigmoid"/> that is not linear. Error: 1.87 / 1.76 ulp.</summary>
    static abstract V Log1pOfExpOfMinusAbs(V x);

    /// <summary>(e^x - e^-x) / (e^x + e^-x). Error: 1.29 / 1.31 ulp.</summary>
    static abstract V Tanh(V x);

    /// <summary>x - tanh(x), to its last digits also near zero.</summary>
    static abstract V Tanhshrink(V x);

    /// <summary>2 / sqrt(pi) times the integral of e^-t^2 from 0 to x. Error: 2.35 / 2.31 ulp.</summary>
    static abstract V Erf(V x);

    /// <summary>e^(-x^2 / 2), as good for great x as for small. Error: 0.91 / 0.90 ulp.</summary>
    static abstract V Gaussian(V x);

    /// <summary>
    /// The chance that a normal number (mean 0, variance 1) is below x, (1 + erf(x / sqrt(2))) / 2, to its last digits also for negative x; and its derivative,
    /// e^(-x^2 / 2) / sqrt(2 pi).
    /// </summary>
    /// <param name="x">x.</param>
    /// <param name="density">The derivative, the normal density.</param>
    static abstract V NormalDistribution(V x, out V density);
}
