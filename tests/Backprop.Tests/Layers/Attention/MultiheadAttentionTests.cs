using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class MultiheadAttentionTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => AttentionCase.All.ForAll(one =>
    {
        var generator = new Generator(one.Seed);
        var bias = one.Seed % 3 > 0;
        var layer = new MultiheadAttention<T>(one.EmbedDim, one.Heads, one.Steps, one.Causal, one.Dropping ? AttentionCase.P : 0, bias, one.Rotary ? AttentionCase.Base : null, generator);
        if (bias) generator.Normal(layer.InProjBias!.Values);
        var (subject, at) = one.OfLengths ? ((Layer<T>)new OfLengths<T>(layer, one.Steps, one.Lengths), "f.") : (layer, "");
        Proof.Layer(subject, Any.Matrix<T>(one.Rows, one.EmbedDim, one.Seed), (x, p) =>
        {
            var o = one.Attend(nn.functional.linear(x, p[at + "in_proj_weight"], bias ? p[at + "in_proj_bias"] : null));
            return nn.functional.linear(o, p[at + "out_proj.weight"], bias ? p[at + "out_proj.bias"] : null);
        }, one.Seed, finiteDifferences: one.Rows * one.EmbedDim < 60, beforeForward: () => generator.ManualSeed(one.Seed),
            tolerance: Conditioning.Widened<T>(5));     // a weight's gradient is a sum over all rows, and some nearly cancel
    });

    [NeedsTorch]
    [Fact]
    public void It_is_PyTorchs_own_module() => AttentionCase.All.ForAll(one =>
    {
        one = one with { Rotary = false, Dropping = false };
        using var scope = NewDisposeScope();
        var type = typeof(T) == typeof(double) ? float64 : float32;
        using var theirs = nn.MultiheadAttention(one.EmbedDim, one.Heads, bias: true).to(type);
        var ours = new MultiheadAttention<T>(one.EmbedDim, one.Heads, one.Steps, one.Causal, generator: new Generator(one.Seed));
        using (no_grad())
        {
            foreach (var (name, parameter) in theirs.named_parameters())
                parameter.copy_(Torch(ours.NamedParameters().Single(named => named.Name == name).Parameter));
        }

        var (x, pass) = (Any.Matrix<T>(one.Rows, one.EmbedDim, one.Seed), ours.NewPass());
        pass.SequenceLengths = one.Lengths;
        var y = ours.Forward(x, pass);
        // The module of C++ has the batch second.
        var xTorch = Proof.Tensor(x).requires_grad_();
        var second = xTorch.reshape(one.Sequences, one.Steps, one.EmbedDim).transpose(0, 1);
        var hidden = arange(one.Steps).unsqueeze(0).ge(tensor(Array.ConvertAll(one.Lengths, length => (long)length)).unsqueeze(1));
        // A mask of numbers: one of booleans is added as if it were ones, in this module of C++.
        var later = one.Causal ? zeros(one.Steps, one.Steps, dtype: type).masked_fill(arange(one.Steps).reshape(1, -1).gt(arange(one.Steps).reshape(-1, 1)), double.NegativeInfinity) : null;
        var (yTorch, weights) = theirs.call(second, second, second, hidden, true, later!);
        yTorch = yTorch.transpose(0, 1).reshape(one.Rows, one.EmbedDim);
        Proof.Compare("MultiheadAttention", "y", y, yTorch);
        var dY = Any.Matrix<T>(one.Rows, one.EmbedDim, 1);
        var dX = ours.Backward(pass, dY);
        yTorch.backward([Proof.Tensor(dY)]);
        Proof.Compare("MultiheadAttention", "dL/dx", dX, xTorch.grad!);
        foreach (var (name, parameter) in theirs.named_parameters())
        {
            var own = ours.NamedParameters().Single(named => named.Name == name).Parameter;
            Proof.Compare("MultiheadAttention", $"dL/d{name}", own.Gradients, own.Shape, parameter.grad!);
        }

        // PyTorch gives the weights as their mean over the heads.
        for (var sequence = 0; sequence < one.Sequences; sequence++)
        {
            var mean = Matrix<T>.Build.Dense(one.Steps, one.Steps);
            for (var head = 0; head < one.Heads; head++) mean += ((AttentionPass<T>)pass["attention"]).Weights(sequence, head) / T.CreateChecked(one.Heads);
            Proof.Compare("MultiheadAttention", "A", mean, weights[sequence]);
        }
    }, count: 100);

    [Fact]
    public void With_the_same_seed_it_starts_and_drops_as_PyTorchs_module()
    {
        var generator = new Generator(3);
        var layer = new MultiheadAttention<T>(6, 2, 4, dropout: 0.4, generator: generator);
        foreach (var (name, parameter) in layer.NamedParameters().Select(named => (named.Name, named.Parameter))) LayerFixture.Agrees<T>(RowMajorOf(parameter.Values, parameter.Shape), $"attention {name}");
        layer.NamedParameters().Select(named => named.Name).Should().Equal("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias");

        var x = Matrix<T>.Build.Dense(12, 6, (i, j) => T.CreateChecked((i * 5 + j * 3) % 7 / 4.0 - 0.75));
        var pass = layer.NewPass();
        pass.SequenceLengths = new[] { 4, 2, 3 };
        LayerFixture.Agrees<T>(layer.Forward(x, pass).ToRowMajorArray(), $"attention y");
        var dX = layer.Backward(pass, Matrix<T>.Build.Dense(12, 6, (i, j) => T.CreateChecked((i + 2 * j) % 5 / 2.0 - 1)));
        LayerFixture.Agrees<T>(dX.ToRowMajorArray(), $"attention dx");
        foreach (var (name, parameter) in layer.NamedParameters().Select(named => (named.Name, named.Parameter))) LayerFixture.Agrees<T>(RowMajorOf(parameter.Gradients, parameter.Shape), $"attention d{name}");
        LayerFixture.Agrees<T>(layer.Forward(x).ToRowMajorArray(), $"attention evaluated");
    }

    [Fact]
    public void What_is_frozen_gets_no_gradient_and_what_is_before_still_does()
    {
        var layer = new MultiheadAttention<T>(4, 2, 3, generator: new Generator(1));
        var (x, dY, pass) = (Any.Matrix<T>(6, 4, 1), Any.Matrix<T>(6, 4, 2), layer.NewPass());
        layer.Forward(x, pass);
        var dX = layer.Backward(pass, dY).Clone();
        foreach (var frozen in layer.Parameters)
        {
            var expected = layer.Parameters.Select(parameter => parameter.Gradients.ToArray()).ToArray();
            foreach (var parameter in layer.Parameters) (parameter.Frozen, _) = (parameter == frozen, 0);
            foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
            layer.Backward(pass, dY).Should().Be(dX);
            for (var i = 0; i < expected.Length; i++)
                layer.Parameters[i].Gradients.ToArray().Should().Equal(layer.Parameters[i] == frozen ? new T[expected[i].Length] : expected[i]);
            frozen.Frozen = false;
            foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
            layer.Backward(pass, dY);
        }

        // Where nobody asks for dX, what learns still does, whichever it is.
        foreach (var learning in layer.Parameters)
        {
            var expected = learning.Gradients.ToArray();
            foreach (var parameter in layer.Parameters) (parameter.Frozen, _) = (parameter != learning, 0);
            learning.ZeroGradient();
            layer.AccumulateGradients(pass, dY);
            learning.Gradients.ToArray().Should().Equal(expected);
        }

        layer.Freeze();
        layer.Backward(pass, dY).Should().Be(dX);
        layer.AccumulateGradients(pass, dY);
        pass["attention"].InputGradient.Should().NotBeNull();
    }

    [Fact]
    public void A_steady_step_allocates_nothing() =>
        Allocation.Of(new MultiheadAttention<T>(8, 2, 5, causal: true, dropout: 0.25, generator: new Generator(1)), Any.Matrix<T>(15, 8, 1)).Should().Be(0);

    private static T[] RowMajorOf(ReadOnlySpan<T> values, IReadOnlyList<int> shape) =>
        shape.Count == 1 ? values.ToArray() : Matrix<T>.Build.Dense(shape[0], shape[1], values.ToArray()).ToRowMajorArray();

    private static Tensor Torch(Parameter<T> parameter) => parameter is MatrixParameter<T> matrix ? Proof.Tensor(matrix.Value) : Proof.Tensor(((VectorParameter<T>)parameter).Value.ToRowMatrix()).flatten();
}

public sealed class MultiheadAttentionDoubleTests : MultiheadAttentionTests<double>
{
    [Fact]
    public void It_is_told_as_its_constructor_reads()
    {
        $"{new MultiheadAttention<double>(4, 2, 3)}".Should().Be("MultiheadAttention(4, 2 heads, 3 steps)");
        $"{new MultiheadAttention<double>(4, 2, 3, true, 0.25, false, 500)}".Should().Be("MultiheadAttention(4, 2 heads, 3 steps, causal, dropout 0.25, no bias, rotary 500)");
        var rows = () => new MultiheadAttention<double>(4, 2, 3).Forward(Matrix<double>.Build.Dense(5, 4));
        rows.Should().Throw<ArgumentException>().WithMessage("attention: ScaledDotProductAttention(4, 2 heads, 3 steps) expects the 3 rows of each sequence, or fewer of one alone, but there are 5 rows. (Parameter 'x')");
        var columns = () => new MultiheadAttention<double>(4, 2, 3).Forward(Matrix<double>.Build.Dense(3, 5));
        columns.Should().Throw<ArgumentException>().WithMessage("MultiheadAttention(4, 2 heads, 3 steps) expects 4 input columns, but x is 3x5. (Parameter 'x')");
    }
}

public sealed class MultiheadAttentionSingleTests : MultiheadAttentionTests<float>;
