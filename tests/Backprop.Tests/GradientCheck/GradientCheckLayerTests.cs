using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>What no derivative shows: each wrong layer is told what it does, in words, in double and in float alike.</summary>
public abstract class GradientCheckLayerTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const string Left = "left as it was: every entry must be written; its contents are unspecified before.";

    private static readonly Matrix<T> X = Any.Matrix<T>(4, 3, 1);

    /// <summary>The report; in float the twin is a right one, so that only the layer is to blame.</summary>
    private static GradientReport Run(Layer<T> layer, Matrix<T>? x = null, bool training = true, Action? beforeForward = null) => layer is Layer<double> inDouble
        ? GradientCheck.Run(inDouble, (Matrix<double>)(object)(x ?? X), training: training, beforeForward: beforeForward)
        : GradientCheck.Run((Layer<float>)(object)layer, new OwnLayer<double>(OwnLayer<double>.Square, OwnLayer<double>.SquareBackward), (Matrix<float>)(object)(x ?? X), training: training, beforeForward: beforeForward);

    private static void Finds(Layer<T> layer, params string[] words) => Finds(Run(layer), words);

    private static void Finds(GradientReport report, params string[] words)
    {
        report.Passed.Should().BeFalse();
        ((Action)report.ThrowIfFailed).Should().Throw<GradientCheckException>().WithMessage($"{report}");
        foreach (var word in words) string.Join('\n', report.Problems).Should().Contain(word);
    }

    /// <summary>Nothing is wrong but, in float, that the twin has not what the layer has.</summary>
    private static void FindsNothing(GradientReport report) => report.Problems.Where(problem => !problem.Contains("the twin", StringComparison.OrdinalIgnoreCase)).Should().BeEmpty();

    private static OwnLayer<T> Own(Func<OwnLayer<T>, Matrix<T>, ForwardPass<T>, Matrix<T>>? forward = null, Func<OwnLayer<T>, ForwardPass<T>, Matrix<T>, Matrix<T>?>? backward = null) =>
        new(forward ?? OwnLayer<T>.Square, backward ?? OwnLayer<T>.SquareBackward);

    [Fact]
    public void A_right_layer_passes() => Run(Own()).ThrowIfFailed();

    [Fact]
    public void A_wrong_shape_of_the_output_is_a_problem_not_an_exception()
    {
        Finds(Own((_, x, _) => x.SubMatrix(0, x.RowCount, 0, 2)), "OwnLayer() returned a 4x2 matrix for a 4x3 input, but it declares a dense 4x3 output");
        Finds(Own((_, _, _) => null!), "OwnLayer() returned null for a 4x3 input");
        Finds(new Sequential<T> { { "first", new Sequential<T> { { "odd", Own((_, x, _) => Matrix<T>.Build.SparseOfMatrix(x)) } } } }, "first.odd: OwnLayer() returned a 4x3 SparseMatrix");
    }

    [Fact]
    public void A_wrong_shape_of_the_input_gradient_is_a_problem_not_an_exception()
    {
        Finds(Own(null, (_, _, dY) => dY.SubMatrix(0, 4, 0, 2)), "OwnLayer() returned a 4x2 matrix as dL/dX, but it needs a dense 4x3 matrix");
        Finds(Own(null, (_, _, dY) => dY.Stack(dY)), "returned a 8x3 matrix as dL/dX");
        Finds(Own(null, (_, _, dY) => dY.Transpose()), "returned a 3x4 matrix as dL/dX");
        Finds(Own(null, (_, _, _) => null), "returned null as dL/dX");
        Finds(Own(null, (_, _, _) => throw new NotSupportedException("no way back")), "The backward pass failed: NotSupportedException: no way back");
    }

    [Fact]
    public void A_ReLU_that_writes_only_where_x_is_positive_is_found() => Finds(
        Own((_, x, pass) =>
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            foreach (var (i, j, value) in x.EnumerateIndexed())
                if (value > T.Zero) y[i, j] = value;
            return y;
        }, (_, pass, dY) =>
        {
            var dX = pass.NewInputGradient();
            foreach (var (i, j, value) in pass.Input.EnumerateIndexed())
                if (value > T.Zero) dX[i, j] = dY[i, j];
            return dX;
        }), $"The layer's output at (", "The layer's dL/dX at (", $"is {Left}");

    [Fact]
    public void A_maximum_that_does_not_clear_dX_is_found()
    {
        var maximum = new OwnLayer<T>((_, x, pass) =>
        {
            var y = pass.NewOutput(x.RowCount, 1);
            for (var i = 0; i < x.RowCount; i++) y[i, 0] = x.Row(i).Maximum();
            return y;
        }, (_, pass, dY) =>
        {
            var dX = pass.NewInputGradient();
            for (var i = 0; i < dX.RowCount; i++) dX[i, pass.Input.Row(i).MaximumIndex()] += dY[i, 0];
            return dX;
        }, columns: _ => 1);
        Finds(new Sequential<T> { new ReLU<T>(), { "max", maximum } }, "max: OwnLayer(): its dL/dX at (", " more is ", $"{Left}");
    }

    [Fact]
    public void A_nested_layer_that_leaves_entries_is_named_and_its_neighbours_are_not()
    {
        var model = new Sequential<T> { { "a", new Tanh<T>() }, { "b", new Residual<T>(Own((_, x, pass) => pass.NewOutput(x.RowCount, x.ColumnCount))) }, { "c", new Sigmoid<T>() } };
        Run(model).Problems.Where(problem => problem.Contains(Left, StringComparison.Ordinal)).Should().ContainSingle()
            .Which.Should().Be($"b.f: OwnLayer(): its output at (0, 0), (1, 0), (2, 0) and 9 more is {Left}");
    }

    [Fact]
    public void A_gradient_kept_with_the_size_of_the_first_batch_is_found()
    {
        Finds(Own(null, (layer, pass, dY) =>
        {
            layer.Kept ??= Matrix<T>.Build.Dense(dY.RowCount, dY.ColumnCount);
            if (layer.Kept.RowCount != dY.RowCount) return layer.Kept;
            OwnLayer<T>.SquareBackward(layer, pass, dY).CopyTo(layer.Kept);
            return layer.Kept;
        }), "A batch of 8 rows after one of 4 in the same pass failed: OwnLayer() returned a 4x3 matrix as dL/dX, but it needs a dense 8x3 matrix");
        Finds(Own(null, (layer, pass, dY) =>
        {
            if (layer.Kept is null || layer.Kept.RowCount < dY.RowCount) layer.Kept = Matrix<T>.Build.Dense(dY.RowCount, dY.ColumnCount);
            var dX = OwnLayer<T>.SquareBackward(layer, pass, dY);
            dX.CopyTo(layer.Kept.RowCount == dY.RowCount ? layer.Kept : dX.Clone());
            return layer.Kept;
        }), "A batch of 4 rows after one of 8 in the same pass failed: OwnLayer() returned a 8x3 matrix as dL/dX");
    }

    [Fact]
    public void A_mask_kept_with_the_size_of_the_first_batch_is_found()
    {
        Finds(Own((layer, x, pass) => x.PointwiseMultiply(layer.Kept ??= x.Map(_ => T.One)), (layer, _, dY) => dY.PointwiseMultiply(layer.Kept!)), "A batch of 8 rows after one of 4 in the same pass failed: ArgumentException: ");
        Finds(Own((layer, x, pass) =>
        {
            layer.Kept ??= x.Clone();
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            for (var i = 0; i < layer.Kept.RowCount && i < x.RowCount; i++) y.SetRow(i, x.Row(i));
            return y;
        }, (_, pass, dY) => dY), "With a batch of 8 rows after one of 4 in the same pass, the output has entries that are left as they were");
    }

    [Fact]
    public void Something_kept_from_an_earlier_batch_is_found() => Finds(
        Own((layer, x, pass) =>
        {
            var shift = layer.Kept is { } kept && kept.RowCount > x.RowCount ? T.One : T.Zero;
            layer.Kept = x;
            return x.PointwiseMultiply(x) + shift;
        }), "With a batch of 4 rows after one of 8 in the same pass, the output is not what it was for the same x before: the entry (0, 0) is ");

    [Fact]
    public void Changed_operands_are_found()
    {
        Finds(Own((layer, x, pass) =>
        {
            var y = OwnLayer<T>.Square(layer, x, pass).Clone();
            x[0, 0] = T.Zero;
            return y;
        }), "The layer changed its input.");
        Finds(Own(null, (layer, pass, dY) =>
        {
            var dX = OwnLayer<T>.SquareBackward(layer, pass, dY);
            pass.Input[1, 1] = T.Zero;
            return dX;
        }), "The layer changed its input.");
        Finds(Own(null, (layer, pass, dY) =>
        {
            var dX = OwnLayer<T>.SquareBackward(layer, pass, dY);
            dY[1, 1] = T.Zero;
            return dX;
        }), "The layer changed dL/dY, its upstream gradient.");
        Finds(new Sequential<T> { { "first", new Sigmoid<T>() }, Own(null, (layer, pass, dY) =>
        {
            var dX = OwnLayer<T>.SquareBackward(layer, pass, dY);
            pass.Input[1, 1] = T.Zero;
            return dX;
        }) }, "first: Sigmoid(): its output is another one after the backward pass, the entry (1, 1) is ");
    }

    [Fact]
    public void Parameters_that_a_pass_changes_are_found_and_put_back()
    {
        var forward = Own((layer, x, pass) =>
        {
            layer.Scale.Value[1] = T.Zero;
            return OwnLayer<T>.Square(layer, x, pass);
        }).WithScale(3);
        Finds(new Sequential<T> { { "own", forward } }, "The forward pass changed the values of own.scale; only optimizers do.");
        forward.Scale.Value.Should().Equal(T.CreateChecked(1.5), T.CreateChecked(0.5), T.CreateChecked(-0.5));
        var backward = Own(null, (layer, pass, dY) =>
        {
            layer.Scale.Value[1] = T.Zero;
            return OwnLayer<T>.SquareBackward(layer, pass, dY);
        }).WithScale(3);
        Finds(backward, "The backward pass changed the values of scale");
        backward.Scale.Value[1].Should().Be(T.CreateChecked(0.5));
    }

    [Fact]
    public void A_gradient_that_is_set_instead_of_added_has_its_path_named() => Finds(
        new Sequential<T>
        {
            { "block", new Residual<T>(Own(null, (layer, pass, dY) =>
            {
                layer.Scale.Gradient[0] = dY[0, 0];
                return OwnLayer<T>.SquareBackward(layer, pass, dY);
            }).WithScale(3)) },
        }, "dL/dblock.f.scale: after a second backward pass it is not twice the first; gradients are added to what is there, not set.");

    [Fact]
    public void A_gradient_that_depends_on_whether_dX_is_needed_is_found() => Finds(
        Own(null, (layer, pass, dY) =>
        {
            if (pass.NeedsInputGradient) layer.Scale.Gradient[0] += dY[0, 0];
            return OwnLayer<T>.SquareBackward(layer, pass, dY);
        }).WithScale(3), "dL/dscale: it is another one where nobody needs dL/dX (NeedsInputGradient is false), as in training.");

    [Fact]
    public void A_check_does_not_train_even_where_the_layer_throws()
    {
        var batchNorm = new BatchNorm1d<T>(3);
        var own = Own(null, (_, _, _) => throw new InvalidOperationException("broken")).WithScale(3).WithMean(3);
        own.Mean.Value[1] = T.One;
        own.Scale.Gradient[2] = T.One;
        var generator = new Generator(3);
        var model = new Sequential<T> { batchNorm, new Dropout<T>(0.5, generator), own };
        var (buffers, state) = (Buffers(), generator.GetState());
        Finds(model, "The backward pass failed: broken");
        Buffers().Should().Equal(buffers);
        generator.GetState().Should().Equal(state);
        own.Scale.Gradient.Should().Equal(T.Zero, T.Zero, T.One);
        Run(new Sequential<T> { batchNorm, new Dropout<T>(0.5, generator) });
        Buffers().Should().Equal(buffers);
        generator.GetState().Should().Equal(state);

        T[] Buffers() => [.. model.NamedBuffers().SelectMany(named => named.Buffer is CounterBuffer<T> counter ? [T.CreateChecked(counter.Value)] : named.Buffer.Values.ToArray())];
    }

    [Fact]
    public void A_layer_that_draws_needs_no_help_where_its_generator_is_registered()
    {
        var registered = Own(Noisy, (_, _, dY) => dY).With(new Generator(1));
        FindsNothing(Run(registered));
        var unregistered = new Generator(1);
        var hidden = Own((layer, x, pass) => Noise(unregistered, x, pass), (_, _, dY) => dY);
        Finds(hidden, "Two forward passes of the same x give different outputs: the entry (0, 0) is ", "A layer that draws random numbers registers its generator, or beforeForward resets it");
        FindsNothing(Run(hidden, beforeForward: () => unregistered.ManualSeed(1)));

        static Matrix<T> Noisy(OwnLayer<T> layer, Matrix<T> x, ForwardPass<T> pass) => Noise(layer.Generator, x, pass);

        static Matrix<T> Noise(Generator generator, Matrix<T> x, ForwardPass<T> pass)
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            generator.Uniform(y);
            y.Add(x, y);
            return y;
        }
    }

    [Fact]
    public void Buffers_that_move_in_evaluation_are_found()
    {
        var layer = Own((layer, x, pass) =>
        {
            layer.Mean.Value[0] += T.One;
            return OwnLayer<T>.Square(layer, x, pass);
        }).WithMean(3);
        FindsNothing(Run(layer));
        Finds(Run(layer, training: false), "The forward pass moved the buffer mean in evaluation");
        layer.Mean.Value[0].Should().Be(T.Zero);
    }

    [Fact]
    public void Parameters_that_are_registered_too_late_are_found()
    {
        Finds(Own((layer, x, pass) =>
        {
            if (layer.Scale is null) layer.WithScale(3);
            return OwnLayer<T>.Square(layer, x, pass);
        }), "The layer registered parameters or buffers in its forward pass; register them in the constructor");
    }

    [Fact]
    public void An_input_that_the_layer_refuses_is_the_callers_fault() =>
        ((Action)(() => Run(new Sequential<T> { new Linear<T>(3, 2), new Linear<T>(3, 2) }))).Should().Throw<ArgumentException>().WithMessage("*expects 3 input columns*");
}

public sealed class GradientCheckLayerDoubleTests : GradientCheckLayerTests<double>;

public sealed class GradientCheckLayerSingleTests : GradientCheckLayerTests<float>;
