using System.Numerics;
using Backprop.Tests;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Onnx.Tests;

/// <summary>Activations where they overflow, saturate and vanish, and beside their kinks.</summary>
public abstract class ExtremesTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [Fact]
    public void Activations_agree_at_infinity_and_beside_their_kinks()
    {
        double[] places = [0, 0.25, 0.5, 1, 1.5, 2.5, 3, 6, 10.5, 20, 21, 38, 40, 88, 104, 709, 745];
        T[] values =
        [
            .. from place in places from sign in (T[])[T.One, -T.One] let at = T.CreateChecked(place) * sign from value in (T[])[at, T.BitIncrement(at), T.BitDecrement(at)] select value,
            T.NegativeZero, T.Epsilon, -T.Epsilon, T.CreateChecked(1e-30), T.CreateChecked(-1e-30), T.CreateChecked(1e15), T.CreateChecked(-1e15), T.CreateChecked(1e30), T.CreateChecked(-1e30), T.PositiveInfinity, T.NegativeInfinity,
        ];
        foreach (var layer in Catalogue.Activations<T>())
        {
            // Each value by itself: in a row, infinity is everybody's.
            var columns = layer.InputColumns ?? 1;
            Runtime.Agrees(layer, layer.ToOnnx(columns), values.Select(value => Matrix<T>.Build.Dense(1, columns, value)));
        }
    }
}

public sealed class ExtremesDoubleTests : ExtremesTests<double>;

public sealed class ExtremesSingleTests : ExtremesTests<float>;
