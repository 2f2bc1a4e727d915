using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class TransformerEncoderLayerTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => AttentionCase.All.ForAll(one =>
    {
        one = one with { Steps = Math.Min(one.Steps, 8), Pairs = Math.Max(one.Pairs, 2), Dropping = false };     // of one column alone nothing is left by a normalisation
        var (first, gelu, bias, width) = (one.Seed % 2 == 0, one.Seed / 2 % 2 == 0, one.Seed / 4 % 3 > 0, one.Seed / 16 % 7 + 1);
        var layer = new TransformerEncoderLayer<T>(
            one.EmbedDim, one.Heads, one.Steps, width, 0, gelu ? new GELU<T>() : null, 1e-2, first, one.Causal, bias, one.Rotary ? AttentionCase.Base : null, new Generator(one.Seed));
        foreach (var parameter in layer.Parameters.Where(parameter => parameter is VectorParameter<T>)) Any.Matrix<T>(parameter.Count, 1, parameter.Count, 2).AsColumnMajorArray().CopyTo(parameter.Values);
        var (subject, at) = one.OfLengths ? ((Layer<T>)new OfLengths<T>(layer, one.Steps, one.Lengths), "f.") : (layer, "");
        Proof.Layer(subject, Any.Matrix<T>(one.Rows, one.EmbedDim, one.Seed, scale: 2), (x, p) =>
        {
            Tensor Linear(Tensor input, string weight, string name) => nn.functional.linear(input, p[at + weight], bias ? p[at + name] : null);
            Tensor Norm(Tensor input, string name) => nn.functional.layer_norm(input, [one.EmbedDim], p[$"{at}{name}.weight"], bias ? p[$"{at}{name}.bias"] : null, 1e-2);
            Tensor A(Tensor input) => Linear(one.Attend(Linear(input, "self_attn.in_proj_weight", "self_attn.in_proj_bias")), "self_attn.out_proj.weight", "self_attn.out_proj.bias");
            Tensor F(Tensor input)
            {
                var hidden = Linear(input, "linear1.weight", "linear1.bias");
                return Linear(gelu ? nn.functional.gelu(hidden) : hidden.relu(), "linear2.weight", "linear2.bias");
            }

            var h = first ? x + A(Norm(x, "norm1")) : Norm(x + A(x), "norm1");
            return first ? h + F(Norm(h, "norm2")) : Norm(h + F(h), "norm2");
        }, one.Seed, finiteDifferences: gelu && one.Rows * one.EmbedDim < 40, tolerance: Conditioning.Widened<T>(30));    // floats that are normalised, twice
    }, count: 100);

    [Theory]
    [InlineData(false, "relu")]
    [InlineData(true, "gelu")]
    public void With_the_same_seed_it_starts_and_drops_as_PyTorchs_module(bool first, string activation)
    {
        var layer = new TransformerEncoderLayer<T>(6, 2, 4, 5, 0.3, activation == "gelu" ? new GELU<T>() : null, normFirst: first, causal: true, generator: new Generator(4));
        foreach (var (name, parameter) in layer.NamedParameters().Select(named => (named.Name, named.Parameter))) LayerFixture.Agrees<T>(RowMajorOf(parameter.Values, parameter.Shape), $"transformer {activation} {name}");
        layer.NamedParameters().Should().HaveCount(12);

        var x = Matrix<T>.Build.Dense(12, 6, (i, j) => T.CreateChecked((i * 5 + j * 3) % 7 / 4.0 - 0.75));
        var pass = layer.NewPass();
        pass.SequenceLengths = new[] { 4, 2, 3 };
        LayerFixture.Agrees<T>(layer.Forward(x, pass).ToRowMajorArray(), $"transformer {activation} y");
        layer.AccumulateGradients(pass, Matrix<T>.Build.Dense(12, 6, (i, j) => T.CreateChecked((i + 2 * j) % 5 / 2.0 - 1)));
        foreach (var (name, parameter) in layer.NamedParameters().Select(named => (named.Name, named.Parameter))) LayerFixture.Agrees<T>(RowMajorOf(parameter.Gradients, parameter.Shape), $"transformer {activation} d{name}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_steady_step_allocates_nothing(bool first) =>
        Allocation.Of(new TransformerEncoderLayer<T>(8, 2, 5, 16, normFirst: first, generator: new Generator(1)), Any.Matrix<T>(15, 8, 1)).Should().Be(0);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_all_is_frozen_only_the_gradient_of_the_input_flows(bool first)
    {
        var layer = new TransformerEncoderLayer<T>(4, 2, 3, 5, 0, normFirst: first, generator: new Generator(1));
        var (x, dY, pass) = (Any.Matrix<T>(6, 4, 1), Any.Matrix<T>(6, 4, 2), layer.NewPass());
        layer.Forward(x, pass);
        var dX = layer.Backward(pass, dY).Clone();
        foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
        layer.Freeze();
        layer.Backward(pass, dY).Should().Be(dX);
        layer.AccumulateGradients(pass, dY);
        layer.Parameters.SelectMany(parameter => parameter.Gradients.ToArray()).Should().AllBeEquivalentTo(T.Zero);
    }

    /// <summary>What each part was given and gave can be looked at afterwards: no part writes over another's.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Parts_are_passed_in_PyTorchs_order_and_each_keeps_what_it_was_given(bool first)
    {
        var layer = new TransformerEncoderLayer<T>(6, 2, 4, 5, 0.4, new GELU<T>(), normFirst: first, generator: new Generator(1));
        var (x, pass) = (Any.Matrix<T>(8, 6, 1), layer.NewPass());
        var y = layer.Forward(x, pass);
        pass["dropout"].Input.Should().Be(pass["activation"].Output);
        pass["linear2"].Input.Should().Be(pass["dropout"].Output);
        Matrix<T> ofAttention = pass["norm1"].Input, ofNetwork = pass["norm2"].Input;
        ofAttention.Should().Be(first ? x : x + pass["dropout1"].Output);
        ofNetwork.Should().Be(first ? x + pass["dropout1"].Output : pass["norm1"].Output + pass["dropout2"].Output);
        y.Should().Be(first ? ofNetwork + pass["dropout2"].Output : pass["norm2"].Output);

        layer.Backward(pass, Any.Matrix<T>(8, 6, 2));
        pass["dropout"].OutputGradient.Should().Be(pass["linear2"].InputGradient);
        pass["activation"].OutputGradient.Should().Be(pass["dropout"].InputGradient);
    }

    private static T[] RowMajorOf(ReadOnlySpan<T> values, IReadOnlyList<int> shape) =>
        shape.Count == 1 ? values.ToArray() : Matrix<T>.Build.Dense(shape[0], shape[1], values.ToArray()).ToRowMajorArray();
}

public sealed class TransformerEncoderLayerDoubleTests : TransformerEncoderLayerTests<double>
{
    [Fact]
    public void It_is_told_as_its_constructor_reads_and_says_what_is_wrong()
    {
        FluentActions.Invoking(() => new TransformerEncoderLayer<double>(4, 2, 4, 6, activation: new LastStep<double>(2)).Forward(Any.Matrix<double>(4, 4, 1))).Should().Throw<ArgumentException>()
            .WithMessage("TransformerEncoderLayer(*) expects an activation to give as many rows as it gets, but for 4 it gives 2.*");
        FluentActions.Invoking(() => new MultiheadAttention<double>(int.MaxValue, 1, 4)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*expects an array to have room for a row of Q, K and V.*");
        FluentActions.Invoking(() => new LSTM<double>(1, int.MaxValue / 2, 3)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*expects an array to have room for its 4 gates.*");
        $"{new TransformerEncoderLayer<double>(4, 2, 3)}".Should().Be("TransformerEncoderLayer(4, 2 heads, 3 steps, 2048, dropout 0.1, ReLU())");
        var layer = new TransformerEncoderLayer<double>(4, 2, 3, 5, 0.25, new GELU<double>(), 1e-3, true, true, false);
        $"{layer}".Should().Be("TransformerEncoderLayer(4, 2 heads, 3 steps, 5, dropout 0.25, GELU(), norm first, causal, no bias)");
        Refuse(() => layer.Forward(Matrix<double>.Build.Dense(5, 4)), "self_attn.attention: ScaledDotProductAttention(4, 2 heads, 3 steps, causal, dropout 0.25) expects the 3 rows of each sequence, or fewer of one alone, but there are 5 rows. (Parameter 'x')");
        Refuse(() => layer.Forward(Matrix<double>.Build.Dense(3, 5)), "*expects 4 input columns, but x is 3x5. (Parameter 'x')");
        Refuse(() => new TransformerEncoderLayer<double>(4, 2, 3, 0), "Linear(4 -> 0) expects outFeatures to be at least 1.*");
        Refuse(() => new TransformerEncoderLayer<double>(4, 2, 3, 5, activation: new Linear<double>(5, 6)).Forward(Matrix<double>.Build.Dense(3, 4)),
            "TransformerEncoderLayer(4, 2 heads, 3 steps, 5, dropout 0.1, Linear(5 -> 6)) expects an activation to give as many columns as it gets, but for 5 it gives 6. (Parameter 'x')");
    }

    private static void Refuse<TResult>(Func<TResult> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class TransformerEncoderLayerSingleTests : TransformerEncoderLayerTests<float>;
