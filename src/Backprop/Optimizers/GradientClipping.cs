using System.Globalization;
using System.Numerics;
using System.Numerics.Tensors;

namespace Backprop;

/// <summary>Keeps gradients from growing beyond a bound, between the backward pass and the optimizer's step. Allocates nothing.</summary>
/// <remarks>Frozen parameters are passed over: their gradients count in no norm. CHAIN-RULE.md, "Gradient clipping".</remarks>
/// <example>
/// <code>
/// model.AccumulateGradients(pass, dY);
/// GradientClipping.ByNorm(optimizer.Parameters, maxNorm: 1);
/// optimizer.Step();
/// </code>
/// </example>
public static class GradientClipping
{
    /// <summary>Scales all gradients together so that their norm, that of one long vector, is at most <paramref name="maxNorm"/>: g *= min(1, maxNorm / (norm + 1e-6)).</summary>
    /// <remarks>
    /// <para>The 1e-6 is PyTorch's: a norm of exactly <paramref name="maxNorm"/> still shrinks a little. An infinite norm makes finite gradients 0 and infinite ones
    /// NaN, and a norm of NaN makes all gradients NaN, as in PyTorch; ask for <paramref name="errorIfNonFinite"/> to be told instead.</para>
    /// <para>The norm is a double and summed in double: that of float gradients of 1e20, whose squares no float can hold, is what it should be. In PyTorch it is
    /// infinite, and the gradients become 0.</para>
    /// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html">torch.nn.utils.clip_grad_norm_</see>.
    /// Source: R. Pascanu et al., On the difficulty of training recurrent neural networks, ICML 2013.</para>
    /// </remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="parameters">The parameters whose gradients are scaled.</param>
    /// <param name="maxNorm">The largest norm, at least 0.</param>
    /// <param name="normType">The p of the p-norm, above 0; infinity is the largest magnitude.</param>
    /// <param name="errorIfNonFinite">Whether to throw, and change nothing, where the norm is infinite or NaN.</param>
    /// <returns>The norm before.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="parameters"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A bound or the p is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The norm is not finite, and that was to be an error; the message names the first parameter whose gradient is not.</exception>
    public static double ByNorm<T>(IReadOnlyList<Parameter<T>> parameters, double maxNorm, double normType = 2, bool errorIfNonFinite = false)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Expect.That(maxNorm >= 0, nameof(GradientClipping), maxNorm, "at least 0");
        Expect.That(normType > 0, nameof(GradientClipping), normType, "above 0");

        var norm = Norm(parameters, normType);
        if (errorIfNonFinite && !double.IsFinite(norm)) throw new InvalidOperationException(Problem(parameters, normType, norm));
        var coefficient = Math.Min(1, maxNorm / (norm + 1e-6));
        if (coefficient == 1) return norm;
        if (coefficient > 0 && coefficient < (typeof(T) == typeof(float) ? 1.17549435e-38 : 2.2250738585072014e-308))
        {
            // The type has too few digits for a number so small: half of the way first.
            Multiply(parameters, Math.ScaleB(1, -64));
            coefficient = Math.ScaleB(maxNorm, 64) / (norm + 1e-6);
        }

        Multiply(parameters, coefficient);
        return norm;
    }

    /// <summary>Clips each gradient by itself to [-clipValue, clipValue]. NaN stays NaN.</summary>
    /// <remarks>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html">torch.nn.utils.clip_grad_value_</see>.</remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="parameters">The parameters whose gradients are clipped.</param>
    /// <param name="clipValue">The largest magnitude, at least 0.</param>
    /// <exception cref="ArgumentNullException"><paramref name="parameters"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="clipValue"/> is negative or NaN.</exception>
    public static void ByValue<T>(IReadOnlyList<Parameter<T>> parameters, double clipValue) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var bound = T.CreateSaturating(Expect.That(clipValue >= 0, nameof(GradientClipping), clipValue, "at least 0"));
        for (var i = 0; i < parameters.Count; i++)
            if (!parameters[i].Frozen) TensorPrimitives.Clamp(parameters[i].Gradients, -bound, bound, parameters[i].Gradients);
    }

    private static void Multiply<T>(IReadOnlyList<Parameter<T>> parameters, double factor) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var i = 0; i < parameters.Count; i++)
            if (!parameters[i].Frozen) TensorPrimitives.Multiply(parameters[i].Gradients, T.CreateSaturating(factor), parameters[i].Gradients);
    }

    private static double Norm<T>(IReadOnlyList<Parameter<T>> parameters, double order) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (double.IsPositiveInfinity(order)) return Largest(parameters);
        var sum = Sum(parameters, order, unit: 1);
        if (double.IsNaN(sum) || sum is > 1e-200 and < double.PositiveInfinity) return Root(sum);
        // Powers that have overflowed or underflowed: measured by the largest gradient, none does that matters.
        var largest = Largest(parameters);
        return largest is > 0 and < double.PositiveInfinity ? largest * Root(Sum(parameters, order, unit: largest)) : largest;

        double Root(double ofPowers) => order == 2 ? Math.Sqrt(ofPowers) : order == 1 ? ofPowers : Math.Pow(ofPowers, 1 / order);
    }

    /// <summary>The sum of (|g| / unit)^order. A stretch at a time, since a plain running sum would lose digits over millions of gradients.</summary>
    private static double Sum<T>(IReadOnlyList<Parameter<T>> parameters, double order, double unit) where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int Stretch = 512;
        Span<double> doubles = stackalloc double[Stretch];
        double sum = 0;
        for (var i = 0; i < parameters.Count; i++)
        {
            if (parameters[i].Frozen) continue;
            for (ReadOnlySpan<T> rest = parameters[i].Gradients; !rest.IsEmpty; rest = rest[Math.Min(Stretch, rest.Length)..])
            {
                var g = doubles[..Math.Min(Stretch, rest.Length)];
                TensorPrimitives.ConvertTruncating<T, double>(rest[..g.Length], g);
                if (unit != 1) TensorPrimitives.Divide<double>(g, unit, g);
                // In the library's own order: .NET's differs from one vector width to the next.
                if (order == 2) sum += Vectorized.Sum<double, Square>(default, g);
                else if (order == 1) sum += Vectorized.Sum<double, Magnitude>(default, g);
                else foreach (var value in g) sum += Math.Pow(Math.Abs(value), order);
            }
        }

        return sum;
    }

    private readonly struct Square : IUnary<double>
    {
        public V Invoke<V>(V g) where V : unmanaged, IVector<V, double> => g * g;
    }

    private readonly struct Magnitude : IUnary<double>
    {
        public V Invoke<V>(V g) where V : unmanaged, IVector<V, double> => V.Abs(g);
    }

    private static double Largest<T>(IReadOnlyList<Parameter<T>> parameters) where T : unmanaged, IFloatingPointIeee754<T>
    {
        double largest = 0;
        for (var i = 0; i < parameters.Count; i++)
            if (!parameters[i].Frozen) largest = Math.Max(largest, double.CreateTruncating(T.Abs(TensorPrimitives.MaxMagnitude<T>(parameters[i].Gradients))));
        return largest;
    }

    private static string Problem<T>(IReadOnlyList<Parameter<T>> parameters, double order, double norm) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var culprit = parameters.FirstOrDefault(parameter => !parameter.Frozen && !double.IsFinite(Largest([parameter])));
        return string.Create(CultureInfo.InvariantCulture, $"The gradients' norm of order {order} is {norm}, so they cannot be clipped{(culprit is null ? "" : $"; {culprit} is the first whose gradient is not finite")}.");
    }
}
