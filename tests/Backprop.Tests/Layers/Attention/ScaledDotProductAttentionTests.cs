using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class ScaledDotProductAttentionTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => AttentionCase.All.ForAll(one =>
    {
        var generator = new Generator(one.Seed);
        var layer = Of(one, generator);
        Layer<T> subject = one.OfLengths ? new OfLengths<T>(layer, one.Steps, one.Lengths) : layer;
        var x = Any.Matrix<T>(one.Rows, 3 * one.EmbedDim, one.Seed, scale: 2);
        Proof.Layer(subject, x, (xTorch, _) => one.Attend(xTorch), one.Seed, finiteDifferences: one.Rows * one.EmbedDim < 200, beforeForward: () => generator.ManualSeed(one.Seed));
    });

    /// <summary>More keys than a softmax adds at a time.</summary>
    [NeedsTorch]
    [Theory]
    [InlineData(64, true, false)]
    [InlineData(65, false, false)]
    [InlineData(150, true, false)]
    [InlineData(150, false, true)]
    public void Long_sequences_agree_too(int steps, bool causal, bool ofLengths)
    {
        var one = new AttentionCase(2, steps, 2, 3, causal, Rotary: true, Dropping: true, ofLengths, Seed: 5);
        var generator = new Generator(1);
        Proof.Layer(ofLengths ? new OfLengths<T>(Of(one, generator), steps, one.Lengths) : Of(one, generator), Any.Matrix<T>(one.Rows, 3 * one.EmbedDim, 1, scale: 2), (x, _) => one.Attend(x), 1, finiteDifferences: false, beforeForward: () => generator.ManualSeed(one.Seed));
    }

    [NeedsTorch]
    [Fact]
    public void In_evaluation_nothing_is_dropped_nor_drawn() => AttentionCase.All.ForAll(one =>
    {
        var generator = new Generator(1);
        Proof.Layer(Of(one, generator), Any.Matrix<T>(one.Rows, 3 * one.EmbedDim, one.Seed), (x, _) => (one with { Dropping = false, OfLengths = false }).Attend(x), one.Seed, training: false, finiteDifferences: false);
        generator.GetState().Should().Equal(new Generator(1).GetState());
    }, count: 50);

    [NeedsTorch]
    [Fact]
    public void It_is_PyTorchs_own_function() => AttentionCase.All.ForAll(one =>
    {
        one = one with { Rotary = false, Dropping = false, OfLengths = false };
        Proof.Layer(Of(one, new Generator(1)), Any.Matrix<T>(one.Rows, 3 * one.EmbedDim, one.Seed), (x, _) =>
        {
            var parts = x.reshape(one.Sequences, one.Steps, 3, one.Heads, one.HeadDim).permute(2, 0, 3, 1, 4);
            return nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_casual: one.Causal).transpose(1, 2).reshape(one.Rows, one.EmbedDim);
        }, one.Seed, finiteDifferences: false);
    }, count: 100);

    /// <summary>More rows than a block has, and not a whole number of blocks: a mask lies as the weights do.</summary>
    [Fact]
    public void What_was_dropped_can_be_looked_at()
    {
        const int steps = 37;
        var layer = new ScaledDotProductAttention<T>(4, 2, steps, dropout: 0.25, generator: new Generator(3));
        var (x, pass) = (Any.Matrix<T>(2 * steps, 12, 1), (AttentionPass<T>)layer.NewPass());
        var none = () => pass.DropoutMask(0, 0);
        none.Should().Throw<InvalidOperationException>();
        var y = layer.Forward(x, pass);
        var dropped = 0;
        for (var sequence = 0; sequence < 2; sequence++)
            for (var head = 0; head < 2; head++)
            {
                var (a, mask) = (pass.Weights(sequence, head), pass.DropoutMask(sequence, head)!);
                dropped += mask.Enumerate().Count(value => value == T.Zero);
                mask.Enumerate().Where(value => value != T.Zero).Distinct().Should().Equal(T.One / T.CreateChecked(0.75));
                for (var i = 0; i < steps; i++)
                    for (var j = 0; j < 2; j++)
                        double.CreateChecked(y[steps * sequence + i, 2 * head + j]).Should()
                            .BeApproximately(double.CreateChecked(a.Row(i).PointwiseMultiply(mask.Row(i)) * x.Column(8 + 2 * head + j).SubVector(steps * sequence, steps)), 1e-5);
            }

        (dropped / (4.0 * steps * steps)).Should().BeInRange(0.2, 0.3);
        var beyond = () => pass.DropoutMask(2, 0);
        beyond.Should().Throw<ArgumentOutOfRangeException>();
        var evaluation = (AttentionPass<T>)layer.NewPass(training: false);
        layer.Forward(x, evaluation);
        evaluation.DropoutMask(1, 1).Should().BeNull();
    }

    [Fact]
    public void Weights_can_be_looked_at()
    {
        var layer = new ScaledDotProductAttention<T>(4, 2, 3, causal: true);
        var (x, pass) = (Any.Matrix<T>(6, 12, 1), (AttentionPass<T>)layer.NewPass());
        var none = () => pass.Weights(0, 0);
        none.Should().Throw<InvalidOperationException>();
        var y = layer.Forward(x, pass);
        for (var sequence = 0; sequence < 2; sequence++)
        {
            for (var head = 0; head < 2; head++)
            {
                var a = pass.Weights(sequence, head);
                for (var i = 0; i < 3; i++)
                {
                    double.CreateChecked(a.Row(i).Sum()).Should().BeApproximately(1, 1e-6);
                    for (var j = i + 1; j < 3; j++) a[i, j].Should().Be(T.Zero);
                    for (var j = 0; j < 2; j++)
                    {
                        var expected = a.Row(i) * x.Column(8 + 2 * head + j).SubVector(3 * sequence, 3);
                        double.CreateChecked(y[3 * sequence + i, 2 * head + j]).Should().BeApproximately(double.CreateChecked(expected), 1e-6);
                    }
                }
            }
        }

        var beyond = () => pass.Weights(2, 0);
        beyond.Should().Throw<ArgumentOutOfRangeException>().WithMessage("ScaledDotProductAttention(4, 2 heads, 3 steps, causal) has weights of the sequences 0 to 1, but 2 was asked for. (Parameter 'sequence')");
        var above = () => pass.Weights(0, 2);
        above.Should().Throw<ArgumentOutOfRangeException>().WithMessage("ScaledDotProductAttention(4, 2 heads, 3 steps, causal) has the heads 0 to 1, but 2 was asked for. (Parameter 'head')");
    }

    [Fact]
    public void Weights_of_what_is_hidden_are_0_after_longer_sequences_too()
    {
        var layer = new ScaledDotProductAttention<T>(4, 2, 5);
        var (x, pass) = (Any.Matrix<T>(10, 12, 1), (AttentionPass<T>)layer.NewPass());
        layer.Forward(x, pass);
        int[] lengths = [2, 4];
        pass.SequenceLengths = lengths;
        layer.Forward(x, pass);
        foreach (var (sequence, length) in lengths.Index())
            foreach (var row in pass.Weights(sequence, 1).EnumerateRows())
            {
                row.Skip(length).Should().AllBeEquivalentTo(T.Zero);
                row.Take(length).All(weight => weight > T.Zero).Should().BeTrue();
            }
    }

    [Fact]
    public void What_is_dropped_is_drawn_as_PyTorch_draws() // query after query, head after head
    {
        var layer = new ScaledDotProductAttention<T>(2, 2, 3, dropout: 0.5, generator: new Generator(5));
        // Values are the unit vectors, one sequence and step at a time; queries and keys are 0, so each weight is 1/3 before it is dropped or doubled.
        var drawn = new T[2 * 3 * 3];
        new Generator(5).Bernoulli<T>(drawn, 0.5);
        for (var key = 0; key < 3; key++)
        {
            layer.Generators.Single().ManualSeed(5);
            var x = Matrix<T>.Build.Dense(3, 6, (i, j) => j >= 4 && i == key ? T.One : T.Zero);
            var y = layer.Forward(x, layer.NewPass());
            for (var head = 0; head < 2; head++)
                for (var query = 0; query < 3; query++)
                    double.CreateChecked(y[query, head]).Should().BeApproximately(2.0 / 3 * double.CreateChecked(drawn[(head * 3 + query) * 3 + key]), 1e-6);
        }
    }

    [Fact]
    public void Where_all_is_dropped_nothing_comes_out_and_nothing_is_drawn()
    {
        var generator = new Generator(1);
        var layer = new ScaledDotProductAttention<T>(2, 1, 3, dropout: 1, generator: generator);
        var pass = layer.NewPass();
        layer.Forward(Any.Matrix<T>(6, 6, 1), pass).Enumerate().Should().AllBeEquivalentTo(T.Zero);
        layer.Backward(pass, Any.Matrix<T>(6, 2, 2)).Enumerate().Should().AllBeEquivalentTo(T.Zero);
        generator.GetState().Should().Equal(new Generator(1).GetState());
    }

    [Fact]
    public void A_generator_is_known_to_checkpoints_where_something_may_be_dropped()
    {
        var generator = new Generator(1);
        new ScaledDotProductAttention<T>(2, 1, 3, dropout: 0.5, generator: generator).Generators.Should().Equal(generator);
        new ScaledDotProductAttention<T>(2, 1, 3, generator: generator).Generators.Should().BeEmpty();
    }

    [Fact]
    public void What_lies_beyond_a_length_is_not_looked_at()
    {
        var layer = new ScaledDotProductAttention<T>(4, 2, 5);
        var x = Any.Matrix<T>(10, 12, 1);
        ForwardPass<T> pass = layer.NewPass(), other = layer.NewPass();
        pass.SequenceLengths = other.SequenceLengths = new[] { 3, 5 };
        var y = layer.Forward(x, pass);
        var changed = x.Clone();
        for (var j = 4; j < 12; j++) (changed[3, j], changed[4, j]) = (T.NaN, T.PositiveInfinity);
        layer.Forward(changed, other).Should().Be(y);
        var dY = Any.Matrix<T>(10, 4, 2);
        var (dX, dXOther) = (layer.Backward(pass, dY), layer.Backward(other, dY));
        dXOther.Should().Be(dX);
        for (var j = 4; j < 12; j++) (dX[3, j], dX[4, j]).Should().Be((T.Zero, T.Zero));
    }

    [Fact]
    public void A_causal_step_knows_nothing_of_later_ones()
    {
        var layer = new ScaledDotProductAttention<T>(4, 2, 40, causal: true);
        var x = Any.Matrix<T>(40, 12, 1);
        var y = layer.Forward(x).Clone();
        for (var cut = 1; cut < 40; cut += 5)
        {
            var changed = x.Clone();
            for (var j = 0; j < 12; j++)
                for (var i = cut; i < 40; i++) changed[i, j] += T.One;
            var yChanged = layer.Forward(changed);
            yChanged.SubMatrix(0, cut, 0, 4).Should().Be(y.SubMatrix(0, cut, 0, 4), "the first {0} steps see only each other", cut);
            layer.Forward(x.SubMatrix(0, cut, 0, 12)).Should().Be(y.SubMatrix(0, cut, 0, 4), "fewer rows are a shorter sequence");
        }
    }

    /// <summary>An earlier step's output may be NaN by a later value, which it meets with the weight 0; its query's gradient is as if that were any other. The values' own do not know of values at all.</summary>
    [Fact]
    public void A_causal_query_learns_nothing_from_later_values()
    {
        var layer = new ScaledDotProductAttention<T>(4, 2, 40, causal: true);
        var (x, dY) = (Any.Matrix<T>(40, 12, 1), Any.Matrix<T>(40, 4, 2));
        var dX = Gradient();
        foreach (var value in (T[])[T.NaN, T.PositiveInfinity])
        {
            for (var j = 8; j < 12; j++) (x[20, j], x[37, j]) = (value, value);
            var dXChanged = Gradient();
            dXChanged.SubMatrix(0, 20, 0, 4).Should().Be(dX.SubMatrix(0, 20, 0, 4));
            dXChanged.SubMatrix(0, 40, 8, 4).Should().Be(dX.SubMatrix(0, 40, 8, 4));
        }

        Matrix<T> Gradient()
        {
            var pass = layer.NewPass();
            layer.Forward(x, pass);
            return layer.Backward(pass, dY).Clone();
        }
    }

    /// <summary>Steps that are computed with it, at most 31, meet a later value with the weight 0; those of the blocks before do not meet it.</summary>
    [Fact]
    public void A_later_value_that_is_NaN_does_not_reach_the_steps_of_the_blocks_before()
    {
        var layer = new ScaledDotProductAttention<T>(4, 2, 40, causal: true);
        var x = Any.Matrix<T>(40, 12, 1);
        var y = layer.Forward(x);
        for (var j = 8; j < 12; j++) x[37, j] = T.NaN;
        layer.Forward(x).SubMatrix(0, 32, 0, 4).Should().Be(y.SubMatrix(0, 32, 0, 4));
    }

    [Fact]
    public void Extremes_are_those_of_a_softmax()
    {
        var big = T.CreateChecked(typeof(T) == typeof(double) ? 1e150 : 1e18);
        var layer = new ScaledDotProductAttention<T>(1, 1, 2);
        // The first query wants the second key with all its might; the second one the first.
        var x = Matrix<T>.Build.DenseOfRowMajor(2, 3, [big, -big, T.CreateChecked(3), -big, big, T.CreateChecked(7)]);
        layer.Forward(x).Enumerate().Should().Equal(T.CreateChecked(7), T.CreateChecked(3));
        x[0, 0] = T.NaN;
        var y = layer.Forward(x);
        T.IsNaN(y[0, 0]).Should().BeTrue();
        y[1, 0].Should().Be(T.CreateChecked(3));
    }

    /// <summary>Each query's greatest score is that of the last key that it sees, far above the others: e^x of it alone would be no number.</summary>
    [Fact]
    public void A_causal_query_may_want_the_last_key_that_it_sees_with_all_its_might()
    {
        const int Steps = 37;
        var layer = new ScaledDotProductAttention<T>(1, 1, Steps, causal: true);
        var x = Matrix<T>.Build.Dense(Steps, 3, (i, j) => T.CreateChecked(j == 0 ? 1000 : i));
        layer.Forward(x).Enumerate().Should().Equal(Enumerable.Range(0, Steps).Select(T.CreateChecked));
    }

    [Fact]
    public void The_bits_depend_neither_on_threads_nor_on_the_batch()
    {
        var layer = new ScaledDotProductAttention<T>(48, 3, 50, causal: true, rotaryBase: 10000);
        var (x, dY) = (Any.Matrix<T>(300, 144, 1), Any.Matrix<T>(300, 48, 2));
        Matrix<T> y, dX;
        using (Threads.Of(1)) (y, dX) = Run(x, dY);
        using (Threads.Of(2))
        {
            var (yAgain, dXAgain) = Run(x, dY);
            yAgain.Should().Be(y);
            dXAgain.Should().Be(dX);
        }

        var (yAlone, dXAlone) = Run(x.SubMatrix(100, 50, 0, 144), dY.SubMatrix(100, 50, 0, 48));
        yAlone.Should().Be(y.SubMatrix(100, 50, 0, 48));
        dXAlone.Should().Be(dX.SubMatrix(100, 50, 0, 144));

        (Matrix<T>, Matrix<T>) Run(Matrix<T> input, Matrix<T> gradient)
        {
            var pass = layer.NewPass();
            return (layer.Forward(input, pass).Clone(), layer.Backward(pass, gradient).Clone());
        }
    }

    [Fact]
    public void A_steady_step_allocates_nothing()
    {
        Allocation.Of(new ScaledDotProductAttention<T>(8, 2, 5, causal: true, dropout: 0.25, rotaryBase: 10, generator: new Generator(1)), Any.Matrix<T>(15, 24, 1)).Should().Be(0);
        Allocation.Of(new OfLengths<T>(new ScaledDotProductAttention<T>(64, 2, 50), 50, [50, 30, 1]), Any.Matrix<T>(150, 192, 1)).Should().Be(0);
    }

    [Theory]
    [InlineData("expects a length for each of the 2 sequences, but SequenceLengths has 3.", 3, 3, 3)]
    [InlineData("expects lengths from 1 to 3, but SequenceLengths[1] is 0.", 3, 0)]
    [InlineData("expects lengths from 1 to 3, but SequenceLengths[0] is 4.", 4, 1)]
    [InlineData("expects lengths from 1 to 3, but SequenceLengths[1] is -1.", 2, -1)]
    public void Wrong_lengths_are_refused(string told, params int[] lengths)
    {
        var generator = new Generator(1);
        var layer = new ScaledDotProductAttention<T>(2, 1, 3, dropout: 0.5, generator: generator);
        var pass = layer.NewPass();
        pass.SequenceLengths = lengths;
        var act = () => layer.Forward(Any.Matrix<T>(6, 6, 1), pass);
        act.Should().Throw<ArgumentException>().WithMessage($"ScaledDotProductAttention(2, 1 heads, 3 steps, dropout 0.5) {told}");
        generator.GetState().Should().Equal(new Generator(1).GetState());
    }

    private static ScaledDotProductAttention<T> Of(AttentionCase one, Generator generator) => new(
        one.EmbedDim, one.Heads, one.Steps, one.Causal, one.Dropping ? AttentionCase.P : 0, one.Rotary ? AttentionCase.Base : null, generator);
}

public sealed class ScaledDotProductAttentionDoubleTests : ScaledDotProductAttentionTests<double>
{
    [Fact]
    public void Bad_input_is_named()
    {
        Refuse(() => new ScaledDotProductAttention<double>(0, 1, 1), "ScaledDotProductAttention(0, 1 heads, 1 steps) expects embedDim to be at least 1.*");
        Refuse(() => new ScaledDotProductAttention<double>(2, 0, 1), "ScaledDotProductAttention(2, 0 heads, 1 steps) expects numHeads to be at least 1.*");
        Refuse(() => new ScaledDotProductAttention<double>(2, 1, -1), "ScaledDotProductAttention(2, 1 heads, -1 steps) expects maxSteps to be at least 1.*");
        Refuse(() => new ScaledDotProductAttention<double>(5, 2, 3), "ScaledDotProductAttention(5, 2 heads, 3 steps) expects heads of equal size, but 2 does not divide 5. (Parameter 'numHeads')");
        Refuse(() => new ScaledDotProductAttention<double>(6, 2, 3, rotaryBase: 10), "ScaledDotProductAttention(6, 2 heads, 3 steps) expects pairs of columns to turn, but a head has 3. (Parameter 'rotaryBase')");
        Refuse(() => new ScaledDotProductAttention<double>(4, 1, 2_000_000_000, rotaryBase: 10), "ScaledDotProductAttention(4, 1 heads, 2000000000 steps) expects an array to have room for the turns of all steps, but there are 4000000000. (Parameter 'maxSteps')");
        Refuse(() => new SinusoidalPositions<double>(1_000_000_000, 4), "SinusoidalPositions(1000000000 steps, 4) expects an array to have room for the positions of all steps, but there are 4000000000 numbers. (Parameter 'maxSteps')");
        Refuse(() => new ScaledDotProductAttention<double>(6, 2, 3, dropout: 1.5), "*expects dropout to be from 0 to 1, but it is 1.5. (Parameter 'dropout')");
        Refuse(() => new ScaledDotProductAttention<double>(4, 2, 3, rotaryBase: 0), "*expects rotaryBase to be finite and above 0, but it is 0. (Parameter 'rotaryBase')");
        var layer = new ScaledDotProductAttention<double>(4, 2, 3, causal: true, dropout: 0.25, rotaryBase: 10000);
        $"{layer}".Should().Be("ScaledDotProductAttention(4, 2 heads, 3 steps, causal, dropout 0.25, rotary 10000)");
        Refuse(() => layer.Forward(Matrix<double>.Build.Dense(7, 12)), $"{layer} expects the 3 rows of each sequence, or fewer of one alone, but there are 7 rows. (Parameter 'x')");
        Refuse(() => layer.Forward(Matrix<double>.Build.Dense(6, 4)), $"{layer} expects 12 input columns, but x is 6x4. (Parameter 'x')");
    }

    private static void Refuse<TResult>(Func<TResult> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
}

public sealed class ScaledDotProductAttentionSingleTests : ScaledDotProductAttentionTests<float>;
