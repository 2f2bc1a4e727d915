using System.Numerics;
using CsCheck;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class SGDTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // With maximize, TorchSharp changes the sign of the weight decay as well; PyTorch does not, as its fixtures show.
    private static readonly Gen<(double Rate, double Momentum, double Dampening, double Decay, bool Nesterov, bool Maximize)> Options =
        Gen.Select(Trajectory.LearningRate, Trajectory.Momentum, Gen.OneOf(Gen.Const(0.0), Gen.Double[-0.5, 0.95]), Trajectory.WeightDecay, Gen.Bool, Gen.Bool)
            .Select((rate, momentum, dampening, decay, nesterov, maximize) => nesterov && momentum > 0
                ? (rate, momentum, 0, decay, true, maximize && decay == 0)
                : (rate, momentum, dampening, decay, false, maximize && decay == 0));

    [NeedsTorch]
    [Fact]
    public void Steps_agree_with_PyTorch() => Gen.Select(Trajectory.Shape, Options).ForAll(with =>
    {
        var (shape, o) = with;
        Trajectory.Compare<T>("SGD", shape,
            p => new SGD<T>(p, o.Rate, o.Momentum, o.Dampening, o.Decay, o.Nesterov, o.Maximize),
            p => torch.optim.SGD(p, o.Rate, o.Momentum, o.Dampening, o.Decay, o.Nesterov, o.Maximize));
    }, count: 100);

    [NeedsTorch]
    [Fact]
    public void Steps_agree_with_PyTorchs_own() => Trajectory.CompareWithFixtures<T>("SGD", (p, option) => new SGD<T>(p, option("lr", 1e-3),
        option("momentum", 0), option("dampening", 0), option("weight_decay", 0), option("nesterov", 0) == 1, option("maximize", 0) == 1));

    [Fact]
    public void The_first_buffer_is_the_gradient_undampened()
    {
        var p = new VectorParameter<T>("p", 1);
        p.Values[0] = T.One;
        var sgd = new SGD<T>([p], learningRate: 0.1, momentum: 0.9, dampening: 0.5);
        foreach (var expected in (double[])[0.95, 0.88, 0.792])
        {
            p.Gradients[0] = T.CreateChecked(0.5);
            sgd.Step();
            double.CreateChecked(p.Values[0]).Should().BeApproximately(expected, 1e-6);
        }
    }

    [Fact]
    public void A_momentum_that_is_set_later_starts_from_the_gradient()
    {
        var p = new VectorParameter<T>("p", 1);
        var group = new SGDGroup<T>([p]) { LearningRate = 1, Dampening = 0.5 };
        var sgd = new SGD<T>(group);
        p.Gradients[0] = T.One;
        sgd.Step();                 // p = -1
        group.Momentum = 0.5;
        sgd.Step();                 // buf = 1, p = -2
        sgd.Step();                 // buf = 0.5 + 0.5, p = -3
        sgd.Step();
        p.Values[0].Should().Be(T.CreateChecked(-4));
    }

    [Fact]
    public void Without_weight_decay_an_infinite_value_stays_infinite()
    {
        var p = new VectorParameter<T>("p", 2);
        (p.Values[0], p.Values[1], p.Gradients[0], p.Gradients[1]) = (T.PositiveInfinity, T.One, T.One, T.NaN);
        new SGD<T>([p], 0.1).Step();
        p.Values[0].Should().Be(T.PositiveInfinity);
        T.IsNaN(p.Values[1]).Should().BeTrue();
        new SGD<T>([p], 0.1, maximize: true).Step();
        p.Values[0].Should().Be(T.PositiveInfinity, "0 times it is added to no gradient");
    }

    [Fact]
    public void A_weight_decay_of_1_adds_the_value_itself()
    {
        var p = new VectorParameter<T>("p", 1);
        (p.Values[0], p.Gradients[0]) = (T.CreateChecked(4), T.CreateChecked(2));
        new SGD<T>([p], 0.5, weightDecay: 1).Step();
        p.Values[0].Should().Be(T.One);         // 4 - 0.5 (2 + 4)
    }
}

public sealed class SGDDoubleTests : SGDTests<double>
{
    private static Parameter<double>[] P => [new VectorParameter<double>("p", 1)];

    public static TheoryData<string, Func<object>> Refused => new()
    {
        { "SGD expects learningRate to be finite and at least 0, but it is -1. (Parameter 'learningRate')", () => new SGD<double>(P, -1) },
        { "SGD expects learningRate to be finite and at least 0, but it is NaN. (Parameter 'learningRate')", () => new SGD<double>(P, double.NaN) },
        { "SGD expects learningRate to be finite and at least 0, but it is Infinity. (Parameter 'learningRate')", () => new SGD<double>(P, double.PositiveInfinity) },
        { "SGD expects momentum to be finite and at least 0, but it is -0.1. (Parameter 'momentum')", () => new SGD<double>(P, momentum: -0.1) },
        { "SGD expects dampening to be finite, but it is NaN. (Parameter 'dampening')", () => new SGD<double>(P, dampening: double.NaN) },
        { "SGD expects weightDecay to be finite and at least 0, but it is -2. (Parameter 'weightDecay')", () => new SGD<double>(P, weightDecay: -2) },
        { "SGD expects a momentum above 0 and no dampening where nesterov is set, but momentum is 0 and dampening is 0. (Parameter 'nesterov')", () => new SGD<double>(P, nesterov: true) },
        { "SGD expects a momentum above 0 and no dampening where nesterov is set, but momentum is 0.9 and dampening is 0.5. (Parameter 'nesterov')", () => new SGD<double>(P, momentum: 0.9, dampening: 0.5, nesterov: true) },
        { "SGD expects at least one parameter, but there is none. (Parameter 'parameters')", () => new SGD<double>(Array.Empty<Parameter<double>>()) },
        { "SGD expects parameters, but number 1 is null. (Parameter 'parameters')", () => new SGD<double>([P[0], null!]) },
        { "SGD expects each parameter once, but p (1) is there twice. (Parameter 'parameters')", () => { var p = P[0]; return new SGD<double>([p, p]); } },
        { "SGD expects at least one group of parameters, but there is none. (Parameter 'groups')", () => new SGD<double>() },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void What_makes_no_sense_is_refused(string message, Func<object> make) => make.Should().Throw<ArgumentException>().WithMessage(message);

    [Fact]
    public void Messages_are_the_same_in_every_culture()
    {
        var before = System.Globalization.CultureInfo.CurrentCulture;
        try
        {
            System.Globalization.CultureInfo.CurrentCulture = new("sv-SE");
            var make = () => new SGD<double>(P, momentum: 0.9, dampening: -0.5, nesterov: true);
            make.Should().Throw<ArgumentException>().WithMessage("SGD expects a momentum above 0 and no dampening where nesterov is set, but momentum is 0.9 and dampening is -0.5. (Parameter 'nesterov')");
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Parameters_are_not_null()
    {
        var make = () => new SGD<double>((IEnumerable<Parameter<double>>)null!);
        make.Should().Throw<ArgumentNullException>().WithParameterName("parameters");
    }
}

public sealed class SGDSingleTests : SGDTests<float>;
