using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>A whole small GPT: what its layers are together, and written step by step.</summary>
public abstract class ContinuationTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Words = 7, Width = 12, Heads = 3, Steps = 9;

    [NeedsTorch]
    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 2)]
    public void A_tied_stack_agrees_with_PyTorch_and_the_gradients_of_both_places_add_up(bool learned, int layers)
    {
        var model = Model(learned, layers, rotary: false);
        var one = new AttentionCase(2, Steps, Heads, Width / Heads, Causal: true, Rotary: false, Dropping: false, OfLengths: false, Seed: 1);
        Proof.Layer(model, Text(2 * Steps, 1), (x, parameters) =>
        {
            var p = (Dictionary<string, Tensor>)parameters;
            p["head.weight"] = p["wte.weight"];     // one tensor in two places
            var h = p["wte.weight"].index_select(0, x.to(int64).flatten());
            if (learned) h = h + p["positions.weight"].repeat(2, 1);
            else h = h + Proof.Tensor(new SinusoidalPositions<T>(Steps, Width).Forward(Matrix<T>.Build.Dense(Steps, Width))).repeat(2, 1);
            for (var layer = 0; layer < layers; layer++)
            {
                Tensor P(string name) => p[$"h.{layer}.{name}"];
                Tensor Norm(Tensor input, string name) => nn.functional.layer_norm(input, [Width], P($"{name}.weight"), P($"{name}.bias"));
                Tensor Linear(Tensor input, string weight, string bias) => nn.functional.linear(input, P(weight), P(bias));
                h = h + Linear(one.Attend(Linear(Norm(h, "norm1"), "self_attn.in_proj_weight", "self_attn.in_proj_bias")), "self_attn.out_proj.weight", "self_attn.out_proj.bias");
                h = h + Linear(nn.functional.gelu(Linear(Norm(h, "norm2"), "linear1.weight", "linear1.bias")), "linear2.weight", "linear2.bias");
            }

            return nn.functional.linear(nn.functional.layer_norm(h, [Width], p["ln_f.weight"], p["ln_f.bias"]), p["wte.weight"]);
        }, checkInput: false, tolerance: Conditioning.Widened<T>(30));     // floats that are normalised, several times
        model.Parameters.Count(parameter => ReferenceEquals(parameter, ((Embedding<T>)model["wte"]).Weight)).Should().Be(1);
        model.NamedParameters().Select(named => named.Name).Should().Contain("wte.weight").And.Contain("head.weight");
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Step_by_step_it_is_what_the_whole_sequence_gives(bool learned, bool rotary)
    {
        var (model, x) = (Model(learned, 2, rotary), Text(Steps, 2));
        var whole = model.Forward(x);
        var random = new Random(1);
        var text = new Continuation<T>(model);
        text.MaxSteps.Should().Be(Steps);
        for (var attempt = 0; attempt < 20; attempt++)
        {
            while (text.Count < Steps)
            {
                var (from, rows) = (text.Count, random.Next(1, Steps - text.Count + 1));
                Agree(text.Append(x.SubMatrix(from, rows, 0, 1)), whole.SubMatrix(from, rows, 0, Words));
            }

            // Back to somewhere, and on from there.
            var left = random.Next(Steps);
            text.CutTo(left);
            text.Count.Should().Be(left);
        }
    }

    [Fact]
    public void Nothing_is_dropped_nor_drawn()
    {
        var generator = new Generator(1);
        var model = new Sequential<T> { new TransformerEncoderLayer<T>(4, 2, 3, 5, 0.5, normFirst: true, causal: true, generator: generator), new Dropout<T>(0.5, generator) };
        var (x, state) = (Any.Matrix<T>(3, 4, 1), generator.GetState());
        Agree(new Continuation<T>(model).Append(x), model.Forward(x));
        generator.GetState().Should().Equal(state);
    }

    [Fact]
    public void Weights_of_the_steps_so_far_can_be_looked_at()
    {
        var (model, x) = (Model(true, 1, rotary: false), Text(5, 3));
        var text = new Continuation<T>(model);
        text.Append(x.SubMatrix(0, 4, 0, 1));
        text.Append(x.SubMatrix(4, 1, 0, 1));
        var whole = model.NewPass(training: false);
        model.Forward(x, whole);
        var (last, all) = (Of(text.Pass).Weights(0, 1), Of(whole).Weights(0, 1));
        last.RowCount.Should().Be(1);
        Agree(last, all.SubMatrix(4, 1, 0, 5));

        // What is refused changes nothing of it.
        var noWord = () => text.Append(Matrix<T>.Build.Dense(1, 1, T.CreateChecked(Words)));
        noWord.Should().Throw<ArgumentException>();
        Of(text.Pass).Weights(0, 1).Should().Be(last);

        static AttentionPass<T> Of(ForwardPass<T> pass) => (AttentionPass<T>)pass["h"]["0"]["self_attn"]["attention"];
    }

    [Fact]
    public void A_steady_step_allocates_nothing()
    {
        var text = new Continuation<T>(Model(true, 1, rotary: true));
        var one = Text(1, 4);
        text.Append(one);
        text.Append(one);
        Allocation.Least(() => text.Append(one)).Should().Be(0);
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_the_text_goes_on_from_where_it_was()
    {
        var (model, x) = (Model(true, 1, rotary: false), Text(Steps, 2));
        var whole = model.Forward(x);
        var text = new Continuation<T>(model);
        text.Append(x.SubMatrix(0, 4, 0, 1));
        var tooMany = () => text.Append(x.SubMatrix(0, 6, 0, 1));
        tooMany.Should().Throw<ArgumentException>().WithMessage($"{model} has room for 9 steps, but 4 were there and 6 came. (Parameter 'x')");
        var noWord = () => text.Append(Matrix<T>.Build.Dense(1, 1, T.CreateChecked(Words)));
        noWord.Should().Throw<ArgumentException>();
        Agree(text.Append(x.SubMatrix(4, 5, 0, 1)), whole.SubMatrix(4, 5, 0, Words));
        var none = () => text.CutTo(10);
        none.Should().Throw<ArgumentOutOfRangeException>().WithMessage($"{model} was given 9 steps, of which 10 cannot stay. (Parameter 'steps')");
        var back = () => text.Pass.Backward(whole);
        back.Should().Throw<ArgumentException>();
    }

    /// <summary>A layer before that makes other rows of them: the places of steps would be taken twice.</summary>
    [Fact]
    public void Rows_that_are_not_the_next_steps_are_refused()
    {
        var attention = new Continuation<T>(new Sequential<T> { new ToSteps<T>(2), new MultiheadAttention<T>(4, 2, 6, causal: true) });
        var act = () => attention.Append(Any.Matrix<T>(1, 8, 1));
        act.Should().Throw<ArgumentException>().WithMessage("*ScaledDotProductAttention(4, 2 heads, 6 steps, causal) goes on by a row for each step: the network was given 1, but 2 came here.*");
        var positions = new Continuation<T>(new Sequential<T> { new ToSteps<T>(2), new SinusoidalPositions<T>(6, 4) });
        act = () => positions.Append(Any.Matrix<T>(1, 8, 1));
        act.Should().Throw<ArgumentException>().WithMessage("*goes on by a row for each step: the network was given 1, but 2 came here.*");
        (attention.Count, positions.Count).Should().Be((0, 0));
    }

    [Fact]
    public void Attention_that_looks_ahead_cannot_be_continued()
    {
        var act = () => new Continuation<T>(new Sequential<T> { new MultiheadAttention<T>(4, 2, 3) });
        act.Should().Throw<ArgumentException>().WithMessage("0.attention: ScaledDotProductAttention(4, 2 heads, 3 steps) cannot be continued: it is not causal: earlier steps would have to look at later ones. (Parameter 'model')");
    }

    [Fact]
    public void What_remembers_otherwise_cannot_be_continued()
    {
        var act = () => new Continuation<T>(new Sequential<T> { { "lstm", new LSTM<T>(4, 3, 1) } });
        act.Should().Throw<ArgumentException>().WithMessage("lstm: LSTM(4 -> 3, 1 step) cannot be continued: its state is handed on by a RecurrentState, from step to step. (Parameter 'model')");
    }

    [Fact]
    public void Nobody_else_runs_its_pass_and_no_rows_are_refused()
    {
        var (model, x) = (Model(true, 1, rotary: false), Text(Steps, 2));
        var whole = model.Forward(x);
        var text = new Continuation<T>(model);
        FluentActions.Invoking(() => model.Forward(x, text.Pass)).Should().Throw<InvalidOperationException>("before the first step, too");
        text.Append(x.SubMatrix(0, 4, 0, 1));
        FluentActions.Invoking(() => model.Forward(x, text.Pass)).Should().Throw<InvalidOperationException>().WithMessage("*cannot run forward in this pass, which a continuation of it needs: call its Append, or make another pass with NewPass().");
        FluentActions.Invoking(() => text.Pass.Steps[0].Forward(x)).Should().Throw<InvalidOperationException>().WithMessage("*which a continuation of it needs*");
        FluentActions.Invoking(() => text.Append(Matrix<T>.Build.Dense(0, 1))).Should().Throw<ArgumentException>().WithMessage("*expects a row for each of the next steps, but x has none. (Parameter 'x')");
        Agree(text.Append(x.SubMatrix(4, 5, 0, 1)), whole.SubMatrix(4, 5, 0, Words));
    }

    private static void Agree(Matrix<T> ours, Matrix<T> expected)
    {
        (ours.RowCount, ours.ColumnCount).Should().Be((expected.RowCount, expected.ColumnCount));
        double.CreateChecked((ours - expected).Enumerate().Max(T.Abs)).Should().BeLessThan(typeof(T) == typeof(double) ? 1e-12 : 1e-5);
    }

    private static Matrix<T> Text(int rows, int seed)
    {
        var random = new Random(seed);
        return Matrix<T>.Build.Dense(rows, 1, (_, _) => T.CreateChecked(random.Next(Words)));
    }

    private static Sequential<T> Model(bool learned, int layers, bool rotary)
    {
        var generator = new Generator(1);
        var (wte, blocks) = (new Embedding<T>(Words, Width, generator: generator), new Sequential<T>());
        for (var i = 0; i < layers; i++)
            blocks.Add(new TransformerEncoderLayer<T>(Width, Heads, Steps, 20, 0, new GELU<T>(), normFirst: true, causal: true, rotaryBase: rotary ? 50 : null, generator: generator));
        return new Sequential<T>
        {
            { "wte", wte },
            { "positions", learned ? new PositionalEmbedding<T>(Steps, Width, generator) : new SinusoidalPositions<T>(Steps, Width) },
            { "h", blocks },
            { "ln_f", new LayerNorm<T>(Width) },
            { "head", new Linear<T>(wte.Weight) },
        };
    }
}

public sealed class ContinuationDoubleTests : ContinuationTests<double>;

public sealed class ContinuationSingleTests : ContinuationTests<float>;
