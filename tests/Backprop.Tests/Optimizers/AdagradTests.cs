using System.Numerics;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public abstract class AdagradTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(double Rate, double RateDecay, double Decay, double Initial, double Epsilon)> Options =
        Gen.Select(Trajectory.LearningRate, Gen.OneOf(Gen.Const(0.0), Gen.Double[0.001, 0.5]), Trajectory.WeightDecay, Gen.OneOf(Gen.Const(0.0), Gen.Double[0.001, 1]), Gen.OneOf(Gen.Const(1e-10), Gen.Const(1e-3)));

    [NeedsTorch]
    [Fact]
    public void Steps_agree_with_PyTorch() => Gen.Select(Trajectory.Shape, Options).ForAll(with =>
    {
        var (shape, o) = with;
        Trajectory.Compare<T>("Adagrad", shape,
            p => new Adagrad<T>(p, o.Rate, o.RateDecay, o.Decay, o.Initial, o.Epsilon),
            p => new AdagradTwin(p, o.Rate, o.RateDecay, o.Decay, o.Initial, o.Epsilon));
    }, count: 100);

    [NeedsTorch]
    [Fact]
    public void Steps_agree_with_PyTorchs_own() => Trajectory.CompareWithFixtures<T>("Adagrad", (p, option) => new Adagrad<T>(p, option("lr", 1e-2), option("lr_decay", 0),
        option("weight_decay", 0), option("initial_accumulator_value", 0), option("eps", 1e-10), option("maximize", 0) == 1));
}

public sealed class AdagradDoubleTests : AdagradTests<double>
{
    private static Parameter<double>[] P => [new VectorParameter<double>("p", 1)];

    public static TheoryData<string, Func<object>> Refused => new()
    {
        { "Adagrad expects learningRateDecay to be finite and at least 0, but it is -1. (Parameter 'learningRateDecay')", () => new Adagrad<double>(P, learningRateDecay: -1) },
        { "Adagrad expects initialAccumulatorValue to be finite and at least 0, but it is -1. (Parameter 'initialAccumulatorValue')", () => new Adagrad<double>(P, initialAccumulatorValue: -1) },
        { "Adagrad expects epsilon to be finite and at least 0, but it is NaN. (Parameter 'epsilon')", () => new Adagrad<double>(P, epsilon: double.NaN) },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void What_makes_no_sense_is_refused(string message, Func<object> make) => make.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class AdagradSingleTests : AdagradTests<float>;
