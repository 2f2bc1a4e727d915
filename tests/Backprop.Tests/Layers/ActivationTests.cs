using System.Globalization;
using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;
using static TorchSharp.torch.nn;
using Tensor = TorchSharp.torch.Tensor;

namespace Backprop.Tests;

public abstract class ActivationTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly double[] Scales = [1, 10, 1000];

    private static readonly double[] Extremes =
        [double.NegativeInfinity, -1e6, -1000, -90, -37, -20, -6, -3, -1, -0.5, -1e-3, -1e-42, -1e-310, -0.0, 0, 1e-310, 1e-42, 1e-3, 0.5, 1, 3, 6, 20, 20.5, 37, 90, 1000, 1e6, double.PositiveInfinity, double.NaN];

    /// <summary>Every elementwise layer and option set, by the name it goes by, and PyTorch's.</summary>
    private static readonly Dictionary<string, (Func<Layer<T>> Ours, Func<Tensor, Tensor> Torch)> Twins = new()
    {
        ["Sigmoid()"] = (() => new Sigmoid<T>(), torch.sigmoid),
        ["Tanh()"] = (() => new Tanh<T>(), torch.tanh),
        ["ReLU()"] = (() => new ReLU<T>(), x => functional.relu(x)),
        ["LeakyReLU(0.01)"] = (() => new LeakyReLU<T>(), x => functional.leaky_relu(x)),
        ["LeakyReLU(0.3)"] = (() => new LeakyReLU<T>(0.3), x => functional.leaky_relu(x, 0.3)),
        ["LeakyReLU(-0.5)"] = (() => new LeakyReLU<T>(-0.5), x => functional.leaky_relu(x, -0.5)),
        ["ELU(1)"] = (() => new ELU<T>(), x => functional.elu(x, 1)),
        ["ELU(1.7)"] = (() => new ELU<T>(1.7), x => functional.elu(x, 1.7)),
        ["ELU(-0.5)"] = (() => new ELU<T>(-0.5), x => functional.elu(x, -0.5)),
        ["SELU()"] = (() => new SELU<T>(), x => functional.selu(x)),
        ["CELU(1)"] = (() => new CELU<T>(), x => functional.celu(x, 1)),
        ["CELU(2.5)"] = (() => new CELU<T>(2.5), x => functional.celu(x, 2.5)),
        // In double, because libtorch 2.10's float kernel makes NaN of infinity (PyTorch 1.13's and both in double say infinity),
        // and its form with tanh is off by 1e-6 in float, from 1 - tanh^2.
        ["GELU()"] = (() => new GELU<T>(), x => functional.gelu(x.to(torch.float64)).to(x.dtype)),
        ["GELU(Tanh)"] = (() => new GELU<T>(GELUApproximation.Tanh), x => functional.gelu(x.to(torch.float64), TorchSharp.Modules.GELU.Approximate.tanh).to(x.dtype)),
        ["SiLU()"] = (() => new SiLU<T>(), x => functional.silu(x)),
        ["Mish()"] = (() => new Mish<T>(), x => functional.mish(x)),
        ["Softplus(1, 20)"] = (() => new Softplus<T>(), x => functional.softplus(x)),
        ["Softplus(2.5, 7)"] = (() => new Softplus<T>(2.5, 7), x => functional.softplus(x, 2.5, 7)),
        ["Softsign()"] = (() => new Softsign<T>(), x => functional.softsign(x)),
        ["LogSigmoid()"] = (() => new LogSigmoid<T>(), functional.logsigmoid),
        // TorchSharp's hardtanh returns its input; clamp agrees with PyTorch's between kinks. At them, see the fixture.
        ["Hardtanh(-1, 1)"] = (() => new Hardtanh<T>(), x => torch.clamp(x, -1, 1)),
        ["Hardtanh(-2, 0.5)"] = (() => new Hardtanh<T>(-2, 0.5), x => torch.clamp(x, -2, 0.5)),
        ["ReLU6()"] = (() => new ReLU6<T>(), x => functional.relu6(x)),
        // PyTorch's own slope is 1/6 as a float even in double: see below.
        ["Hardsigmoid()"] = (() => new Hardsigmoid<T>(), x => functional.relu6(x + 3) / 6),
        ["Hardswish()"] = (() => new Hardswish<T>(), x => functional.hardswish(x)),
        ["Softshrink(0.5)"] = (() => new Softshrink<T>(), x => functional.softshrink(x)),
        ["Softshrink(1.5)"] = (() => new Softshrink<T>(1.5), x => functional.softshrink(x, 1.5)),
        ["Hardshrink(0.5)"] = (() => new Hardshrink<T>(), x => functional.hardshrink(x)),
        ["Hardshrink(2)"] = (() => new Hardshrink<T>(2), x => functional.hardshrink(x, 2)),
        ["Tanhshrink()"] = (() => new Tanhshrink<T>(), x => functional.tanhshrink(x)),
    };

    public static TheoryData<string> Names => [.. Twins.Keys];

    [NeedsTorch]
    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_agree_with_PyTorch_and_finite_differences(string name) => Any.Shape.ForAll(shape =>
    {
        var x = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, Scales[shape.Seed % Scales.Length]);
        Proof.Layer(Twins[name].Ours(), x, (x, _) => Twins[name].Torch(x), shape.Seed);
    });

    [Theory]
    [MemberData(nameof(Names))]
    public void Kinks_and_extremes_agree_with_PyTorch(string name)
    {
        if (name.StartsWith("Hardtanh", StringComparison.Ordinal)) return; // see the fixture
        foreach (var value in Extremes)
            Proof.Layer(Twins[name].Ours(), Matrix<T>.Build.Dense(32, 2, T.CreateSaturating(value)), (x, _) => Twins[name].Torch(x), finiteDifferences: false);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void It_reads_as_its_constructor(string name)
    {
        var layer = Twins[name].Ours();
        layer.ToString().Should().Be(name);
        layer.Formula.Should().StartWith("y = ");
        layer.Derivative.Should().StartWith("dX = ");
        layer.Parameters.Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_steady_step_does_not_allocate(string name) => Allocation.Of(Twins[name].Ours(), Any.Matrix<T>(7, 5, 1)).Should().Be(0);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_same_number_gives_the_same_bits_wherever_it_lies(string name) => Any.Shape.ForAll(shape =>
    {
        var layer = Twins[name].Ours();
        var (x, dY) = (Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed, 10), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed + 1));
        var (pass, alone) = (layer.NewPass(), layer.NewPass());
        var y = layer.Forward(x, pass);
        var dX = layer.Backward(pass, dY);
        var (i, j) = (shape.Seed % shape.Rows, shape.Seed % shape.Columns);
        layer.Forward(x.SubMatrix(i, 1, j, 1), alone)[0, 0].Should().Be(y[i, j]);
        layer.Backward(alone, dY.SubMatrix(i, 1, j, 1))[0, 0].Should().Be(dX[i, j]);
    }, count: 30);

    [Theory]
    [InlineData("ReLU()", 0, 0)]
    [InlineData("ReLU()", double.NaN, 1)]
    [InlineData("LeakyReLU(0.01)", 0, 0.01)]
    [InlineData("ELU(1)", 0, 1)]
    [InlineData("ELU(1.7)", 0, 1.7)]
    [InlineData("SELU()", 0, 1.0507009873554805 * 1.6732632423543772)]
    [InlineData("CELU(1)", 0, 1)]
    [InlineData("CELU(2.5)", 0, 1)]
    [InlineData("ReLU6()", 0, 0)]
    [InlineData("ReLU6()", 6, 0)]
    [InlineData("Hardsigmoid()", -3, 0)]
    [InlineData("Hardsigmoid()", 3, 0)]
    [InlineData("Hardtanh(-1, 1)", -1, 0)]
    [InlineData("Hardtanh(-1, 1)", 1, 0)]
    [InlineData("Hardswish()", -3, 0)]
    [InlineData("Hardswish()", 3, 1)]
    [InlineData("Softshrink(0.5)", -0.5, 0)]
    [InlineData("Softshrink(0.5)", 0.5, 0)]
    [InlineData("Hardshrink(0.5)", -0.5, 0)]
    [InlineData("Hardshrink(0.5)", 0.5, 0)]
    public void At_a_kink_the_slope_is_PyTorchs(string name, double x, double slope) => Slope(name, x).Slope.Should().Be(T.CreateChecked(slope));

    // By mpmath, to 40 digits. Straight from the formulas, some of these would have no digit right.
    [Theory]
    [InlineData("GELU()", -3, -0.0040496940948902836, -0.011945647204183927)]
    [InlineData("GELU()", -8, -4.9767684594174273e-15, -3.979607261086796e-14)]
    [InlineData("GELU()", -12, -2.1317785344932148e-32, -2.5578956616748956e-31)]
    [InlineData("GELU(Tanh)", -4, -7.024594819237269e-5, -0.00033512319712267076)]
    [InlineData("GELU(Tanh)", -6, -8.4396467007622971e-11, -7.7099739309536955e-10)]
    [InlineData("Mish()", -30, -2.807286890651921e-12, -2.7137106609633923e-12)]
    [InlineData("SiLU()", -40, -1.6993417021166356e-16, -1.6568581595637197e-16)]
    [InlineData("Tanhshrink()", 0.0009765625, 3.1044073978141592e-10, 9.5367371007677649e-7)]
    [InlineData("Tanhshrink()", -0.25, -0.0050813375962908707, 0.059985151193622044)]
    [InlineData("Tanhshrink()", 0.75, 0.11485104761271268, 0.40341419171866857)]
    [InlineData("LogSigmoid()", 40, -4.248354255291589e-18, 4.248354255291589e-18)]
    [InlineData("Softplus(1, 20)", -40, 4.248354255291589e-18, 4.248354255291589e-18)]
    [InlineData("ELU(1)", -9.5367431640625e-07, -9.5367386165904367e-7, 0.99999904632613834)]
    public void Where_a_formula_loses_digits_the_layer_does_not(string name, double x, double y, double slope)
    {
        var (ourY, ourSlope) = Slope(name, x);
        double relative = typeof(T) == typeof(double) ? 1e-14 : 4e-6;
        double.CreateChecked(ourY).Should().BeApproximately(y, Math.Abs(y) * relative);
        double.CreateChecked(ourSlope).Should().BeApproximately(slope, Math.Abs(slope) * relative);
    }

    [Fact]
    public void Hardtanh_agrees_with_the_fixture()
    {
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "fixtures", "activations.txt")))
        {
            var numbers = line.Split(';').Select(number => double.Parse(number.Replace("inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture)).ToArray();
            var (x, y) = (T.CreateSaturating(numbers[2]), T.CreateSaturating(numbers[3]));
            if (x == T.Zero && numbers[2] != 0) continue; // too small for a float
            Slope(new Hardtanh<T>(numbers[0], numbers[1]), x).Should().Be((y, T.CreateChecked(numbers[4])), line);
        }
    }

    // PyTorch's log1p(e^x) overflows where the threshold lets it.
    [Fact]
    public void Softplus_is_finite_beyond_any_threshold() => Slope(new Softplus<T>(threshold: 1e6), T.CreateChecked(1000)).Should().Be((T.CreateChecked(1000), T.One));

    private static (T Y, T Slope) Slope(string name, double x) => Slope(Twins[name].Ours(), T.CreateChecked(x));

    private static (T Y, T Slope) Slope(Layer<T> layer, T x)
    {
        var pass = layer.NewPass();
        var y = layer.Forward(Matrix<T>.Build.Dense(1, 1, x), pass)[0, 0];
        return (y, layer.Backward(pass, Matrix<T>.Build.Dense(1, 1, T.One))[0, 0]);
    }
}

public sealed class ActivationDoubleTests : ActivationTests<double>
{
    public static TheoryData<Func<object>, string> Mistakes => new()
    {
        { () => new LeakyReLU<double>(double.NaN), "LeakyReLU expects negativeSlope to be finite, but it is NaN. (Parameter 'negativeSlope')" },
        { () => new ELU<double>(double.PositiveInfinity), "ELU expects alpha to be finite, but it is Infinity. (Parameter 'alpha')" },
        { () => new CELU<double>(0), "CELU expects alpha to be finite and not 0, but it is 0. (Parameter 'alpha')" },
        { () => new CELU<double>(double.NaN), "CELU expects alpha to be finite and not 0, but it is NaN. (Parameter 'alpha')" },
        { () => new GELU<double>((GELUApproximation)2), "GELU expects approximate to be None or Tanh, but it is 2. (Parameter 'approximate')" },
        { () => new Softplus<double>(0), "Softplus expects beta to be finite and above 0, but it is 0. (Parameter 'beta')" },
        { () => new Softplus<double>(1, double.NaN), "Softplus expects threshold to be finite, but it is NaN. (Parameter 'threshold')" },
        { () => new Hardtanh<double>(1.5, 1), "Hardtanh expects minVal to be below maxVal, 1, but it is 1.5. (Parameter 'minVal')" },
        { () => new Hardtanh<double>(-1, double.NaN), "Hardtanh expects minVal to be below maxVal, NaN, but it is -1. (Parameter 'minVal')" },
        { () => new Softshrink<double>(-1), "Softshrink expects lambda to be finite and at least 0, but it is -1. (Parameter 'lambda')" },
        { () => new Hardshrink<double>(double.NaN), "Hardshrink expects lambda to be finite and at least 0, but it is NaN. (Parameter 'lambda')" },
        { () => new PReLU<double>(0), "PReLU(0) expects numParameters to be at least 1. (Parameter 'numParameters')*" },
        { () => new PReLU<double>(2, double.NaN), "PReLU(2) expects init to be finite, but it is NaN. (Parameter 'init')" },
        { () => new PReLU<double>(3).Forward(Any.Matrix<double>(2, 5, 1)), "PReLU(3) expects 3 input columns, but x is 2x5. (Parameter 'x')" },
    };

    // PyTorch has 1/6 and CELU's 1/alpha as floats, in double too: its slopes are off by 3e-8. Ours are not.
    [Fact]
    public void PyTorchs_slopes_of_Hardsigmoid_and_CELU_are_floats()
    {
        Off(new Hardsigmoid<double>(), x => functional.hardsigmoid(x), x => functional.relu6(x + 3) / 6);
        Off(new CELU<double>(2.3), x => functional.celu(x, 2.3), x => torch.where(x > 0, x, 2.3 * (x / 2.3).expm1()));

        static void Off(Layer<double> layer, Func<Tensor, Tensor> theirs, Func<Tensor, Tensor> made)
        {
            var x = Any.Matrix<double>(5, 7, 1, 4);
            Proof.Layer(layer, x, (x, _) => made(x));
            var pass = layer.NewPass();
            layer.Forward(x, pass);
            var dX = layer.Backward(pass, Matrix<double>.Build.Dense(5, 7, 1));
            using var input = Proof.Tensor(x).requires_grad_();
            theirs(input).sum().backward();
            Proof.Compare(layer.GetType().Name.Split('`')[0] + ", its slope a float in PyTorch", "dL/dx", dX, input.grad!, new(1e-12, 1e-7));
        }
    }

    [Theory(DisableDiscoveryEnumeration = true)]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_named(Func<object> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class ActivationSingleTests : ActivationTests<float>;
