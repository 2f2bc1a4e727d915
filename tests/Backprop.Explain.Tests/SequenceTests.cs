using FluentAssertions;
using FluentAssertions.Execution;
using Xunit;

namespace Backprop.Explain.Tests;

/// <summary>Layers of sequences, with more than one step and more than one sequence: what stands between input and output has a name, and each number is what the library computed.</summary>
public sealed class SequenceTests
{
    private const int Steps = 4, Sequences = 3;

    public static TheoryData<Layer<double>> EachLayer => [.. (Layer<double>[])
    [
        new RNN<double>(3, 2, Steps), new RNN<double>(3, 2, Steps, 2, RecurrentNonlinearity.ReLU, bidirectional: true), new RNN<double>(3, 2, Steps, 3, bias: false),
        new GRU<double>(3, 2, Steps), new GRU<double>(3, 2, Steps, 2, bidirectional: true), new GRU<double>(3, 1, Steps, 2, bias: false),
        new LSTM<double>(3, 2, Steps), new LSTM<double>(3, 2, Steps, 2, bidirectional: true), new LSTM<double>(3, 1, Steps, 2, bias: false), new LSTM<double>(3, 2, 1),
        new MultiheadAttention<double>(4, 2, Steps), new MultiheadAttention<double>(4, 2, Steps, causal: true, bias: false), new MultiheadAttention<double>(3, 1, 2 * Steps * Sequences),
        new ScaledDotProductAttention<double>(2, 2, Steps), new ScaledDotProductAttention<double>(3, 1, Steps, causal: true),
        new TransformerEncoderLayer<double>(4, 2, Steps, 5, dropout: 0), new TransformerEncoderLayer<double>(4, 2, Steps, 5, dropout: 0, normFirst: true, causal: true, bias: false),
        new ScaledDotProductAttention<double>(4, 2, Steps, dropout: 0.5, generator: new(5)), new ScaledDotProductAttention<double>(4, 1, Steps, causal: true, rotaryBase: 10), new MultiheadAttention<double>(8, 2, Steps, dropout: 0.25, rotaryBase: 3, generator: new(6)),
        new LSTM<double>(3, 2, Steps, 3, dropout: 0.5, bidirectional: true, generator: new(5)), new GRU<double>(3, 2, Steps, 2, dropout: 0.5, generator: new(6)), new RNN<double>(3, 2, Steps, 2, dropout: 1, generator: new(5)),
        new PositionalEmbedding<double>(Steps, 3), new SinusoidalPositions<double>(Steps, 5, 100), new LastStep<double>(Steps), new MeanOverTime<double>(Steps), new MaxOverTime<double>(Steps),
        new ToRows<double>(Steps), new Sequential<double>(new ToRows<double>(Steps), new Tanh<double>(), new ToSteps<double>(2)),
    ]];

    [Theory]
    [MemberData(nameof(EachLayer))]
    public void Every_number_of_a_layer_of_sequences_is_explained_in_its_own_symbols(Layer<double> layer)
    {
        var columns = layer.InputColumns ?? 3;
        var network = Some.Shaken(new Sequential<double> { { "before", new Linear<double>(columns, columns) }, { "layer", layer.Clone() }, { "after", new Linear<double>(layer.OutputColumns(columns), 2) } });
        var (x, rows) = (Some.Normal(Sequences * Steps, columns, 1), layer.OutputRows(Sequences * Steps));

        var explained = Explanation.Of(network, new MSELoss<double>(), x, Some.Normal(rows, 2, 2));

        using var scope = new AssertionScope();
        foreach (var answer in Some.Answers(explained))
        {
            answer.Agrees.Should().BeTrue("{0} of {1} is {2}, and its formula gives {3}", answer.Entry.Address, layer, answer.Value, answer.Computed);
            answer.IsGeneric.Should().BeFalse("{0} of {1} has a formula", answer.Entry.Address, layer);
            if (!answer.IsGiven) answer.Numbers.Should().NotBeNull("{0} of {1}", answer.Entry.Address, layer);
        }
    }

    [Fact]
    public void Weights_of_an_attention_are_those_that_the_pass_tells()
    {
        var attention = new ScaledDotProductAttention<double>(4, 2, Steps, causal: true);
        var x = Some.Normal(Sequences * Steps, 12, 1);
        var pass = (AttentionPass<double>)attention.NewPass();
        attention.Forward(x, pass);

        var weights = Explanation.Of(attention, new MSELoss<double>(), x, Some.Normal(Sequences * Steps, 4, 2))["weights"];

        for (var sequence = 0; sequence < Sequences; sequence++)
            for (var head = 0; head < 2; head++)
            {
                var told = pass.Weights(sequence, head);
                for (var t = 0; t < Steps; t++)
                    for (var s = 0; s < Steps; s++) weights.ValueAt(sequence * Steps + t, head * Steps + s).Should().BeApproximately(told[t, s], 1e-14);
            }
    }

    [Fact]
    public void A_step_of_an_LSTM_reads_as_its_gates()
    {
        var model = new Sequential<double> { { "cell", new LSTM<double>(1, 1, 3, generator: new(0)) }, { "last", new LastStep<double>(3) } };
        var explained = Explanation.Of(model, new MSELoss<double>(), Some.Normal(3, 1, 1), Some.Normal(1, 1, 2));

        Told("cell.output[1, 0]").Should().Contain("y_tk = o_tk tanh(c_tk)").And.Contain("= cell.o[1, 0] · tanh(cell.c[1, 0])");
        Told("cell.c[1, 0]").Should().Contain("c_tk = f_tk c_(t-1)k + i_tk g_tk").And.Contain("= cell.f[1, 0] · cell.c[0, 0] + cell.i[1, 0] · cell.g[1, 0]");
        Told("cell.f[1, 0]").Should().Contain("= σ(x[1, 0] · cell.weight_ih_l0[1, 0] + cell.bias_ih_l0[1] + cell.output[0, 0] ·");
        Told("cell.c.grad[1, 0]").Should().Contain("cell.c.grad[2, 0] · cell.f[2, 0]");
        Told("cell.weight_hh_l0.grad[1, 0]").Should().Contain("cell.f.grad[1, 0] · cell.output[0, 0] + cell.f.grad[2, 0] · cell.output[1, 0]");

        // without the breaks of its lines
        string Told(string address) => string.Join(' ', explained.Ask(address).ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Averages_of_pixels_are_told_with_their_shares()
    {
        foreach (var layer in (Layer<double>[])[new AvgPool2d<double>(new(1, 4, 4), 2), new AvgPool2d<double>(new(1, 4, 4), 3, 1, 1, countIncludePad: false), new AdaptiveAvgPool2d<double>(new(1, 4, 4), 3), new ZeroPad2d<double>(new(1, 4, 4), 1),
            new Upsample<double>(new(1, 4, 4), (8, 8), UpsampleMode.Bilinear)])
        {
            var explained = Explanation.Of(new Sequential<double> { { "before", new Linear<double>(16, 16, generator: new(0)) }, { "layer", layer } }, new MSELoss<double>(), Some.Normal(2, 16, 1), Some.Normal(2, layer.OutputColumns(16), 2));
            using var scope = new AssertionScope();
            foreach (var answer in Some.Answers(explained)) (answer.Agrees, answer.IsGeneric).Should().Be((true, false), "{0} of {1} is {2}", answer.Entry.Address, layer, answer.Value);
            if (layer is AvgPool2d<double> { KernelSize.Height: 2 })
                explained.Ask("layer.output[0, 3]").ToString().Should().Contain("= 0.25 · before.output[0, 10] + 0.25 · before.output[0, 11] + 0.25 ·");
        }
    }

    [Fact]
    public void Long_sequences_are_left_to_the_layer_itself()
    {
        var layer = new GRU<double>(1, 1, 3000, generator: new(0));
        var explained = Explanation.Of(layer, new MSELoss<double>(), Some.Normal(3000, 1, 1), Some.Normal(3000, 1, 2));

        var answer = explained.Ask("output[2999, 0]");

        answer.IsGeneric.Should().BeTrue();
        answer.Agrees.Should().BeTrue();
    }
}
