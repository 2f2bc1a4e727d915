using System.Runtime.CompilerServices;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>A formula may stand outside the activation or loss that is made of it: a language without nested types, such as F#, has no other place.</summary>
public sealed class FormulaTests
{
    [Fact]
    public void An_activation_of_a_formula_that_stands_outside_is_right()
    {
        var x = Any.Matrix<double>(5, 3, 1, 4);
        GradientCheck.Run(new Swish(), x).ThrowIfFailed();
        new Swish().Forward(x).Should().Be(new SiLU<double>().Forward(x));
    }

    [Fact]
    public void A_loss_of_a_formula_that_stands_outside_is_right() =>
        GradientCheck.Run(new SoftplusOfDifference(), Any.Matrix<double>(5, 3, 1, 4), Any.Matrix<double>(5, 3, 2)).ThrowIfFailed();

    private sealed class Swish() : VectorizedActivation<double>(Of(new SwishFormula()));

    private sealed class SoftplusOfDifference() : VectorizedLoss<double>(Of(new SoftplusFormula()));

    private readonly struct SwishFormula : VectorizedActivation<double>.IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(V x) where V : unmanaged, IVector<V, double> => x * V.Sigmoid(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, double> => dY * (V.Sigmoid(x) + y * (1 - V.Sigmoid(x)));
    }

    private readonly struct SoftplusFormula : VectorizedLoss<double>.IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, double> => V.Softplus(p - t);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, double> => V.Sigmoid(p - t);
    }
}
