using Backprop.Torch;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

[NeedsTorch]
public sealed class TorchStateTests
{
    [Fact]
    public void What_a_model_knows_goes_there_learns_and_comes_home()
    {
        var model = Model();
        using var module = Module(float64);
        model.CopyTo(module);

        // The same output, and after a step there the same as after one here.
        var (x, y) = (Matrix<double>.Build.Random(8, 3, seed: 2), Matrix<double>.Build.Random(8, 2, seed: 3));
        using var input = x.ToTensor();
        using var target = y.ToTensor();
        var pass = model.NewPass();
        var (loss, sgd) = (new MSELoss<double>(), new SGD<double>(model.Parameters, 0.1));
        using var theirs = optim.SGD(module.parameters(), 0.1);
        using var theirLoss = nn.functional.mse_loss(module.call(input), target);
        theirLoss.backward();
        theirs.step();
        var yHat = model.Forward(x, pass);
        theirLoss.item<double>().Should().BeApproximately(loss.Forward(yHat, y), 1e-14);
        sgd.ZeroGradients();
        model.Backward(pass, loss.Backward(yHat, y));
        sgd.Step();

        var home = Model();
        home.CopyFrom(module);
        foreach (var (ours, name) in home.NamedParameters().Select(named => (named.Parameter, named.Name)))
            ours.Values.ToArray().Zip(model.NamedParameters().First(named => named.Name == name).Parameter.Values.ToArray()).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12, name);
        var (running, expected) = (home.Get<BatchNorm1d<double>>("norm"), model.Get<BatchNorm1d<double>>("norm"));
        running.RunningMean!.Values.ToArray().Zip(expected.RunningMean!.Values.ToArray()).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12);
        home.NamedBuffers().Select(named => named.Buffer).OfType<CounterBuffer<double>>().Single().Value.Should().Be(1);
    }

    [Fact]
    public void Weights_of_any_shape_keep_each_entry()
    {
        var model = new Sequential<float> { { "conv", new Conv2d<float>(new(2, 5, 4), 4, (3, 2), groups: 2) }, { "lstm", new LSTM<float>(3, 2, 1, 2, bidirectional: true) }, { "table", new Embedding<float>(5, 2) } };
        using var conv = nn.Conv2d(2, 4, (3L, 2L), groups: 2, dtype: float64);
        using var lstm = nn.LSTM(3, 2, 2, bidirectional: true, dtype: float64);
        using var table = nn.Embedding(5, 2, dtype: float64);
        foreach (var (layer, module) in model.Children.Select(child => child.Layer).Zip((nn.Module[])[conv, lstm, table]))
        {
            layer.CopyTo(module);
            foreach (var (name, parameter) in layer.NamedParameters())
            {
                using var flat = module.state_dict()[name].reshape(parameter.Shape[0], -1);
                for (var e = 0; e < parameter.Count; e++) flat[e % parameter.Shape[0], e / parameter.Shape[0]].item<double>().Should().Be(parameter.Values[e], name);
            }

            var before = layer.NamedParameters().Select(named => named.Parameter.Values.ToArray()).ToArray();
            foreach (var parameter in layer.Parameters) parameter.Values.Clear();
            layer.CopyFrom(module);
            layer.NamedParameters().Select(named => named.Parameter.Values.ToArray()).Should().BeEquivalentTo(before);
        }
    }

    [Fact]
    public void All_differences_are_said_and_nothing_is_copied()
    {
        var model = Model();
        using var module = nn.Sequential(("fc", nn.Linear(3, 5, dtype: float64)), ("other", nn.Linear(4, 2, hasBias: false, dtype: float64)), ("out", nn.Linear(4, 2, dtype: float64)));
        var (before, there) = (model.Parameters.Select(parameter => parameter.Values.ToArray()).ToArray(), module.state_dict().Values.Select(tensor => tensor.data<double>().ToArray()).ToArray());

        foreach (var copy in (Action[])[() => model.CopyTo(module), () => model.CopyFrom(module)])
            copy.Should().Throw<ArgumentException>().WithMessage("Sequential(*) and the module *Sequential* differ: fc.weight is (4, 3) here, but (5, 3) there; fc.bias is (4) here, but (5) there; norm.weight (4) is not there; *"
                + "norm.num_batches_tracked () is not there; other.weight (2, 4) is not here. Nothing was copied.*");

        model.Parameters.Select(parameter => parameter.Values.ToArray()).Should().BeEquivalentTo(before);
        module.state_dict().Values.Select(tensor => tensor.data<double>().ToArray()).Should().BeEquivalentTo(there);
        FluentActions.Invoking(() => model.CopyTo(null!)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => ((Layer<double>)null!).CopyFrom(module)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void A_shared_parameter_must_have_one_value_there()
    {
        var table = new Embedding<double>(4, 3);
        var model = new Sequential<double> { { "wte", table }, { "lm_head", new Linear<double>(table.Weight) } };
        using var module = nn.Sequential(("wte", nn.Embedding(4, 3, dtype: float64)), ("lm_head", nn.Linear(3, 4, hasBias: false, dtype: float64)));
        var before = table.Weight.Values.ToArray();

        FluentActions.Invoking(() => model.CopyFrom(module)).Should().Throw<ArgumentException>().WithMessage("*lm_head.weight is wte.weight here, but not there. Nothing was copied.*");
        table.Weight.Values.ToArray().Should().Equal(before);

        model.CopyTo(module);
        table.Weight.Values.Clear();
        model.CopyFrom(module);
        table.Weight.Values.ToArray().Should().Equal(before);
    }

    [Fact]
    public void What_is_one_there_must_be_one_here()
    {
        using var shared = nn.Linear(2, 2, hasBias: false, dtype: float64);
        using var module = new Tied(shared.weight!);
        var model = new Sequential<double> { { "a", new Linear<double>(2, 2, bias: false) }, { "b", new Linear<double>(2, 2, bias: false) } };
        Refused(() => model.CopyTo(module), "*b.weight is a.weight there, but not here. Nothing was copied.*");
        var weight = new Linear<double>(2, 2, bias: false).Weight;
        new Sequential<double> { { "a", new Linear<double>(weight) }, { "b", new Linear<double>(weight) } }.CopyTo(module);
        shared.weight![0, 1].item<double>().Should().Be(weight.Value[0, 1]);
    }

    [Fact]
    public void Numbers_that_would_become_infinite_are_refused_and_those_that_are_infinite_go()
    {
        var doubles = new Linear<double>(1, 1);
        (doubles.Weight.Values[0], doubles.Bias!.Values[0]) = (1e300, double.NegativeInfinity);
        using var singles = nn.Linear(1, 1);
        Refused(() => doubles.CopyTo(singles), "*differ: weight has numbers that are infinite in Float32. Nothing was copied.*");
        singles.bias!.item<float>().Should().NotBe(float.NegativeInfinity);
        doubles.Weight.Values[0] = 1e30;
        doubles.CopyTo(singles);
        singles.bias!.item<float>().Should().Be(float.NegativeInfinity);

        using var large = nn.Linear(1, 1, dtype: float64);
        using (no_grad()) large.weight!.fill_(-1e39);
        var single = new Linear<float>(1, 1);
        var before = single.Bias!.Values[0];
        Refused(() => single.CopyFrom(large), "*differ: weight has numbers that are infinite in Single. Nothing was copied.*");
        single.Bias!.Values[0].Should().Be(before);
        using var half = nn.Linear(1, 1, dtype: float16);
        Refused(() => doubles.CopyTo(half), "*infinite in Float16*");
    }

    [Fact]
    public void What_cannot_be_written_is_found_before_anything_is()
    {
        var layer = new Linear<double>(2, 2);
        using var module = new Named(("weight", zeros(2, 2, float64)), ("bias", zeros(1, float64).expand(2)));
        Refused(() => layer.CopyTo(module), "*differ: bias is one number in several places there. Nothing was copied.*");
        module.state_dict()["weight"].abs().sum().item<double>().Should().Be(0);
        using var nowhere = new Named(("weight", zeros(2, 2, float64)), ("bias", zeros([2], float64, META)));
        Refused(() => layer.CopyTo(nowhere), "*bias is on the device meta, which holds no numbers. Nothing was copied.*");
        Refused(() => layer.CopyFrom(nowhere), "*bias is on the device meta*");
    }

    [Theory]
    [InlineData(16777217, true)]
    [InlineData(-5, false)]
    [InlineData(2.5, false)]
    [InlineData(double.NaN, false)]
    public void A_count_is_a_count_to_its_last_digit(double there, bool taken)
    {
        var norm = new BatchNorm1d<float>(2);
        using var module = nn.BatchNorm1d(2, dtype: float64);
        using (no_grad()) module.num_batches_tracked!.fill_(there);
        if (!taken) Refused(() => norm.CopyFrom(module), "*num_batches_tracked is * there, and no count. Nothing was copied.*");
        else
        {
            norm.CopyFrom(module);
            norm.NumBatchesTracked!.Value.Should().Be(16777217);
        }
    }

    private static void Refused(Action copy, string message) => copy.Should().Throw<ArgumentException>().WithMessage(message);

    private sealed class Tied : nn.Module
    {
        public Tied(TorchSharp.Modules.Parameter weight) : base("Tied")
        {
            register_module("a", new Named(weight));
            register_module("b", new Named(weight));
        }
    }

    private sealed class Named : nn.Module
    {
        public Named(TorchSharp.Modules.Parameter weight) : base("Named") => register_parameter("weight", weight);

        public Named(params (string Name, Tensor Value)[] values) : base("Named")
        {
            foreach (var (name, value) in values) register_buffer(name, value);
        }
    }

    private static Sequential<double> Model() => new()
    {
        { "fc", new Linear<double>(3, 4, generator: new(1)) }, { "norm", new BatchNorm1d<double>(4) }, { "act", new Tanh<double>() }, { "out", new Linear<double>(4, 2, generator: new(2)) },
    };

    private static nn.Module<Tensor, Tensor> Module(ScalarType type) =>
        nn.Sequential(("fc", nn.Linear(3, 4, dtype: type)), ("norm", nn.BatchNorm1d(4, dtype: type)), ("act", nn.Tanh()), ("out", nn.Linear(4, 2, dtype: type)));
}
