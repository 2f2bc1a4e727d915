using System.Globalization;
using System.Numerics;
using System.Numerics.Tensors;

namespace Backprop;

/// <summary>Keeps gradients from growing beyond a bound, between the backward pass and the optimizer's step. Allocates nothing.</summary>
/// <remarks>CHAIN-RULE.md, "Gradient clipping".</remarks>
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
    /// The 1e-6 is PyTorch's: a norm of exactly <paramref name="maxNorm"/> still shrinks a little. An infinite or NaN norm makes gradients 0 or NaN.
    /// Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html">torch.nn.utils.clip_grad_norm_</see>.
    /// Source: R. Pascanu et al., On the difficulty of training recurrent neural networks, ICML 2013.
    /// </remarks>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="parameters">The parameters whose gradients are scaled.</param>
    /// <param name="maxNorm">The largest norm, at least 0.</param>
    /// <param name="normType">The p of the p-norm, above 0; infinity is the largest magnitude.</param>
    /// <param name="errorIfNonFinite">Whether to throw, and change nothing, where the norm is infinite or NaN.</param>
    /// <returns>The norm before.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="parameters"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A bound or the p is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The norm is not finite, and that was to be an error.</exception>
    public static T ByNorm<T>(IReadOnlyList<Parameter<T>> parameters, double maxNorm, double normType = 2, bool errorIfNonFinite = false)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Expect.That(maxNorm >= 0, nameof(GradientClipping), maxNorm, "at least 0");
        Expect.That(normType > 0, nameof(GradientClipping), normType, "above 0");

        var norm = Norm(parameters, normType);
        if (errorIfNonFinite && !T.IsFinite(norm))
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"The gradients' norm of order {normType} is {norm}, so they cannot be clipped."));
        var coefficient = T.Min(T.One, T.CreateSaturating(maxNorm) / (norm + T.CreateSaturating(1e-6)));
        if (coefficient == T.One) return norm;
        for (var i = 0; i < parameters.Count; i++) TensorPrimitives.Multiply(parameters[i].Gradients, coefficient, parameters[i].Gradients);
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
        for (var i = 0; i < parameters.Count; i++) TensorPrimitives.Clamp(parameters[i].Gradients, -bound, bound, parameters[i].Gradients);
    }

    private static T Norm<T>(IReadOnlyList<Parameter<T>> parameters, double normType) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Short stretches are summed in T and their sums in double: a float would lose digits over millions of gradients, and over a thousand without vectors.
        const int Stretch = 64;
        double sum = 0, largest = 0;
        for (var i = 0; i < parameters.Count; i++)
        {
            for (ReadOnlySpan<T> rest = parameters[i].Gradients; !rest.IsEmpty; rest = rest[Math.Min(Stretch, rest.Length)..])
            {
                var g = rest[..Math.Min(Stretch, rest.Length)];
                if (double.IsPositiveInfinity(normType)) largest = Math.Max(largest, double.CreateTruncating(T.Abs(TensorPrimitives.MaxMagnitude(g))));
                else if (normType == 2) sum += double.CreateTruncating(TensorPrimitives.SumOfSquares(g));
                else if (normType == 1) sum += double.CreateTruncating(TensorPrimitives.SumOfMagnitudes(g));
                else foreach (var value in g) sum += Math.Pow(Math.Abs(double.CreateTruncating(value)), normType);
            }
        }

        return T.CreateTruncating(double.IsPositiveInfinity(normType) ? largest : normType == 2 ? Math.Sqrt(sum) : normType == 1 ? sum : Math.Pow(sum, 1 / normType));
    }
}
