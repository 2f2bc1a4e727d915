using System.Numerics;
using CsCheck;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class RMSpropTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Centred, the root is of v - mean², the variance of the last 1 / (1 - α) gradients or so: of few, it may be next to nothing, and the step has no digits left.
    private static readonly Gen<(double Rate, double Alpha, double Epsilon, double Decay, double Momentum, bool Centered, bool Maximize)> Options =
        Gen.Select(Trajectory.LearningRate, Gen.Double[0.8, 0.999], Gen.OneOf(Gen.Const(1e-8), Gen.Const(1e-3), Gen.Const(0.1)), Trajectory.WeightDecay, Trajectory.Momentum, Gen.Bool, Gen.Bool);

    [NeedsTorch]
    [Fact]
    public void Steps_agree_with_PyTorch() => Gen.Select(Trajectory.Shape, Options).ForAll(with =>
    {
        var (shape, o) = with;
        Trajectory.Compare<T>("RMSprop", shape,
            p => new RMSprop<T>(p, o.Rate, o.Alpha, o.Epsilon, o.Decay, o.Momentum, o.Centered, o.Maximize),
            p => torch.optim.RMSProp(p, o.Rate, o.Alpha, o.Epsilon, o.Decay, o.Momentum, o.Centered, o.Maximize));
    }, count: 100);

    /// <summary>Of equal gradients the variance is 0, or by rounding just below; PyTorch's root is then NaN.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(0.9)]
    public void Constant_gradients_give_numbers(double momentum)
    {
        var p = new VectorParameter<T>("p", 1000);
        for (var i = 0; i < p.Count; i++) p.Gradients[i] = T.CreateChecked((i + 1) * 0.0137);
        var rmsprop = new RMSprop<T>([p], momentum: momentum, centered: true);
        for (var step = 0; step < 3000; step++) rmsprop.Step();
        p.Values.ToArray().Count(value => !(T.IsFinite(value) && value < T.Zero)).Should().Be(0);
    }

    [NeedsTorch]
    [Fact]
    public void Steps_agree_with_PyTorchs_own() => Trajectory.CompareWithFixtures<T>("RMSprop", (p, option) => new RMSprop<T>(p, option("lr", 1e-2), option("alpha", 0.99),
        option("eps", 1e-8), option("weight_decay", 0), option("momentum", 0), option("centered", 0) == 1, option("maximize", 0) == 1));
}

public sealed class RMSpropDoubleTests : RMSpropTests<double>
{
    private static Parameter<double>[] P => [new VectorParameter<double>("p", 1)];

    public static TheoryData<string, Func<object>> Refused => new()
    {
        { "RMSprop expects alpha to be finite and at least 0, but it is -1. (Parameter 'alpha')", () => new RMSprop<double>(P, alpha: -1) },
        { "RMSprop expects epsilon to be finite and at least 0, but it is -1. (Parameter 'epsilon')", () => new RMSprop<double>(P, epsilon: -1) },
        { "RMSprop expects momentum to be finite and at least 0, but it is -1. (Parameter 'momentum')", () => new RMSprop<double>(P, momentum: -1) },
        { "RMSprop expects learningRate to be finite and at least 0, but it is NaN. (Parameter 'learningRate')", () => new RMSprop<double>(P, double.NaN) },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void What_makes_no_sense_is_refused(string message, Func<object> make) => make.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class RMSpropSingleTests : RMSpropTests<float>;
