using System.Numerics;
using CsCheck;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class AdamTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<double> Beta1 = Gen.OneOf(Gen.Const(0.0), Gen.Double[0.1, 0.999]);

    // Where v forgets fast, a small gradient after large ones makes m / √v large and magnifies the rounding of m: too much for a float.
    private static readonly Gen<double> Beta2 = typeof(T) == typeof(double) ? Beta1 : Gen.Double[0.8, 0.999];

    private static readonly Gen<(double Rate, double Beta1, double Beta2, double Epsilon, double Decay, bool AMSGrad, bool Maximize)> Options =
        Gen.Select(Trajectory.LearningRate, Beta1, Beta2, Gen.OneOf(Gen.Const(1e-8), Gen.Const(1e-3), Gen.Const(0.1)), Trajectory.WeightDecay, Gen.Bool, Gen.Bool);

    [NeedsTorch]
    [Fact]
    public void Steps_agree_with_PyTorch() => Gen.Select(Trajectory.Shape, Options).ForAll(with =>
    {
        var (shape, o) = with;
        Trajectory.Compare<T>("Adam", shape,
            p => new Adam<T>(p, o.Rate, o.Beta1, o.Beta2, o.Epsilon, o.Decay, o.AMSGrad, o.Maximize),
            p => torch.optim.Adam(p, o.Rate, o.Beta1, o.Beta2, o.Epsilon, o.Decay, o.AMSGrad, o.Maximize));
    }, count: 100);

    [NeedsTorch]
    [Fact]
    public void Steps_with_decoupled_weight_decay_agree_with_PyTorch() => Gen.Select(Trajectory.Shape, Options).ForAll(with =>
    {
        var (shape, o) = with;
        Trajectory.Compare<T>("AdamW", shape,
            p => new AdamW<T>(p, o.Rate, o.Beta1, o.Beta2, o.Epsilon, o.Decay, o.AMSGrad, o.Maximize),
            p => torch.optim.AdamW(p, o.Rate, o.Beta1, o.Beta2, o.Epsilon, o.Decay, o.AMSGrad, o.Maximize));
    }, count: 100);

    [NeedsTorch]
    [Fact]
    public void Steps_agree_with_PyTorchs_own()
    {
        Trajectory.CompareWithFixtures<T>("Adam", (p, option) => new Adam<T>(p, option("lr", 1e-3), option("beta1", 0.9), option("beta2", 0.999),
            option("eps", 1e-8), option("weight_decay", 0), option("amsgrad", 0) == 1, option("maximize", 0) == 1));
        Trajectory.CompareWithFixtures<T>("AdamW", (p, option) => new AdamW<T>(p, option("lr", 1e-3), option("beta1", 0.9), option("beta2", 0.999),
            option("eps", 1e-8), option("weight_decay", 1e-2), option("amsgrad", 0) == 1, option("maximize", 0) == 1));
    }

    [Fact]
    public void Defaults_are_PyTorchs()
    {
        Parameter<T>[] p = [new VectorParameter<T>("p", 1)];
        var (adam, adamW) = (new AdamGroup<T>(p), new AdamWGroup<T>(p));
        foreach (var group in (AdamGroup<T>[])[adam, adamW])
            (group.LearningRate, group.Beta1, group.Beta2, group.Epsilon, group.AMSGrad, group.Maximize).Should().Be((1e-3, 0.9, 0.999, 1e-8, false, false));
        (adam.WeightDecay, adamW.WeightDecay).Should().Be((0, 1e-2));
        (new Adam<T>(p).Groups[0].WeightDecay, new AdamW<T>(p).Groups[0].WeightDecay).Should().Be((0, 1e-2));
    }
}

public sealed class AdamDoubleTests : AdamTests<double>
{
    private static Parameter<double>[] P => [new VectorParameter<double>("p", 1)];

    public static TheoryData<string, Func<object>> Refused => new()
    {
        { "Adam expects learningRate to be finite and at least 0, but it is -1. (Parameter 'learningRate')", () => new Adam<double>(P, -1) },
        { "Adam expects beta1 to be at least 0 and below 1, but it is 1. (Parameter 'beta1')", () => new Adam<double>(P, beta1: 1) },
        { "Adam expects beta1 to be at least 0 and below 1, but it is -0.1. (Parameter 'beta1')", () => new Adam<double>(P, beta1: -0.1) },
        { "Adam expects beta2 to be at least 0 and below 1, but it is NaN. (Parameter 'beta2')", () => new Adam<double>(P, beta2: double.NaN) },
        { "AdamW expects beta2 to be at least 0 and below 1, but it is 1.5. (Parameter 'beta2')", () => new AdamW<double>(P, beta2: 1.5) },
        { "AdamW expects epsilon to be finite and at least 0, but it is -1E-08. (Parameter 'epsilon')", () => new AdamW<double>(P, epsilon: -1e-8) },
        { "AdamW expects weightDecay to be finite and at least 0, but it is -0.01. (Parameter 'weightDecay')", () => new AdamW<double>(P, weightDecay: -0.01) },
        { "Adam expects at least one parameter, but there is none. (Parameter 'parameters')", () => new Adam<double>(Array.Empty<Parameter<double>>()) },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void What_makes_no_sense_is_refused(string message, Func<object> make) => make.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class AdamSingleTests : AdamTests<float>;
