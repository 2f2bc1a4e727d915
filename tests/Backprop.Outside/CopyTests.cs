extern alias library;

using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Outside;

/// <summary>
/// What the library wrote with its own contracts anyone could have written: compiled outside of it, the same source gives the same bits and passes the same proof.
/// </summary>
public abstract class CopyTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [Fact]
    public void A_copy_is_no_original()
    {
        foreach (var (copy, original) in Pairs.Layers<T>())
        {
            copy.GetType().Assembly.Should().BeSameAs(typeof(Pairs).Assembly, $"{copy} is the copy");
            original.GetType().Assembly.Should().BeSameAs(typeof(Layer<>).Assembly, $"{original} is the original");
        }
    }

    [Fact]
    public void Layers_give_the_same_bits_forward_and_backward()
    {
        foreach (var (copy, original) in Pairs.Layers<T>())
        {
            var (pass, expected) = (copy.NewPass(), original.NewPass());
            foreach (var rows in (int[])[1, 2, 3, 7, 16, 33, 129])
            {
                Matrix<T> x = Pairs.Any<T>(rows, 5, rows), dY = Pairs.Any<T>(rows, copy.OutputColumns(5), rows + 1);
                Same(copy.Forward(x, pass), original.Forward(x, expected), $"{copy}");
                Same(copy.Backward(pass, dY), original.Backward(expected, dY), $"{copy}");
            }

            foreach (var (mine, theirs) in copy.Parameters.Zip(original.Parameters)) Same(mine.Gradients, theirs.Gradients, $"{copy}, {mine}");
        }
    }

    [Fact]
    public void An_embedding_gives_the_same_bits()
    {
        var (copy, original) = (new Embedding<T>(11, 3, paddingIdx: 2, generator: new(5)), new library::Backprop.Embedding<T>(11, 3, paddingIdx: 2, generator: new(5)));
        var random = new Random(1);
        var (x, dY) = (Matrix<T>.Build.Dense(6, 4, (_, _) => T.CreateChecked(random.Next(11))), Pairs.Any<T>(6, 12, 1));
        var (pass, expected) = (copy.NewPass(), original.NewPass());
        Same(copy.Forward(x, pass), original.Forward(x, expected), "forward");
        copy.Backward(pass, dY);
        original.Backward(expected, dY);
        Same(copy.Weight.Gradients, original.Weight.Gradients, "gradients");
    }

    [Theory]
    [InlineData(Reduction.Mean)]
    [InlineData(Reduction.Sum)]
    public void Losses_give_the_same_bits(Reduction reduction)
    {
        foreach (var (copy, original) in Pairs.Losses<T>(reduction))
        {
            foreach (var rows in (int[])[1, 3, 16, 33, 2000])
            {
                Matrix<T> p = Pairs.Any<T>(rows, 5, rows, probabilities: true), t = Pairs.Any<T>(rows, 5, rows + 1, probabilities: true);
                copy.Forward(p, t).Should().Be(original.Forward(p, t), $"{copy}");
                copy.Divisor(p, t).Should().Be(original.Divisor(p, t), $"{copy}");
                Same(copy.Backward(p, t), original.Backward(p, t), $"{copy}");
                Same(copy.Unreduced(p, t), original.Unreduced(p, t), $"{copy}");
                Same(copy.UnreducedBackward(p, t, p), original.UnreducedBackward(p, t, p), $"{copy}");
            }
        }
    }

    [Fact]
    public void Optimizers_go_the_same_way()
    {
        foreach (var (copy, original) in Pairs.Optimizers<T>())
        {
            Linear<T> mine = new(7, 9, generator: new(3)), theirs = new(7, 9, generator: new(3));
            var (a, b) = (copy(mine.Parameters), original(theirs.Parameters));
            for (var step = 0; step < 20; step++)
            {
                foreach (var (p, q) in mine.Parameters.Zip(theirs.Parameters))
                {
                    var g = Pairs.Any<T>(p.Count, 1, step).Span();
                    g.CopyTo(p.Gradients);
                    g.CopyTo(q.Gradients);
                }

                mine.Parameters[1].Frozen = theirs.Parameters[1].Frozen = step is 5 or 6;
                a.Step();
                b.Step();
                foreach (var (p, q) in mine.Parameters.Zip(theirs.Parameters)) Same(p.Values, q.Values, $"{a}");
            }

            a.GetState().Numbers.Should().Equal(b.GetState().Numbers);
        }
    }

    [Fact]
    public void Schedulers_give_the_same_rates()
    {
        var parameters = new Linear<T>(2, 2).Parameters;
        foreach (var (copy, original) in ((Func<Optimizer, LRScheduler>, Func<Optimizer, LRScheduler>)[])[
            (o => new OneCycleLR(o, 0.1, 30), o => new library::Backprop.OneCycleLR(o, 0.1, 30)),
            (o => new OneCycleLR(o, 0.1, 30, threePhase: true, annealStrategy: AnnealStrategy.Linear), o => new library::Backprop.OneCycleLR(o, 0.1, 30, threePhase: true, annealStrategy: AnnealStrategy.Linear)),
            (o => new StepLR(o, 3), o => new library::Backprop.StepLR(o, 3)),
            (o => new MultiStepLR(o, [3, 7]), o => new library::Backprop.MultiStepLR(o, [3, 7])),
            (o => new CosineAnnealingLR(o, 10), o => new library::Backprop.CosineAnnealingLR(o, 10)),
            (o => new LinearLR(o), o => new library::Backprop.LinearLR(o)),
            (o => new ExponentialLR(o, 0.9), o => new library::Backprop.ExponentialLR(o, 0.9)),
            (o => new ReduceLROnPlateau(o, patience: 2), o => new library::Backprop.ReduceLROnPlateau(o, patience: 2))])
        {
            var (a, b) = (new Adam<T>(parameters, 0.05), new Adam<T>(parameters, 0.05));
            var (mine, theirs) = (copy(a), original(b));
            for (var epoch = 0; epoch < 30; epoch++)
            {
                mine.Step(epoch % 5);
                theirs.Step(epoch % 5);
                a.LearningRate.Should().Be(b.LearningRate, $"{mine}");
            }

            mine.GetState().Should().Equal(theirs.GetState());
        }
    }

    [Fact]
    public void Metrics_give_the_same_values()
    {
        var (p, t) = (Pairs.Any<T>(50, 4, 1), Pairs.Any<T>(50, 4, 2));
        new Accuracy<T>().Of(p, t).Should().Be(new library::Backprop.Accuracy<T>().Of(p, t));
        new Accuracy<T>(2).Of(p, t).Should().Be(new library::Backprop.Accuracy<T>(2).Of(p, t));
        new MeanAbsoluteError<T>().Of(p, t).Should().Be(new library::Backprop.MeanAbsoluteError<T>().Of(p, t));
        new R2<T>().Of(p, t).Should().Be(new library::Backprop.R2<T>().Of(p, t));
    }

    [Fact]
    public void A_copied_container_names_its_children_in_refusals_as_the_original_does()
    {
        static string Refusal(Layer<T> model) => ((Func<object>)(() => model.Forward(Matrix<T>.Build.Dense(2, 7)))).Should().Throw<ArgumentException>().Which.Message;
        Refusal(new Sequential<T> { { "block", new Residual<T>(new Sequential<T> { { "hidden", new Linear<T>(3, 3) } }) } }).Should()
            .Be("block.f.hidden: Linear(3 -> 3) expects 3 input columns, but x is 2x7. (Parameter 'x')");
    }

    private static void Same(Matrix<T> mine, Matrix<T> theirs, string because) => Same(mine.Span(), theirs.Span(), because);

    private static void Same(ReadOnlySpan<T> mine, ReadOnlySpan<T> theirs, string because) => mine.SequenceEqual(theirs).Should().BeTrue(because);
}

public sealed class CopyDoubleTests : CopyTests<double>
{
    [Fact]
    public void Copies_pass_the_gradient_check()
    {
        foreach (var (copy, _) in Pairs.Layers<double>())
        {
            // Away from kinks, which lie at 0, at halves and at whole numbers.
            var x = Pairs.Any<double>(4, 5, 3);
            x.MapInplace(value => Math.Abs(value * 2 - Math.Round(value * 2)) < 0.02 ? value + 0.05 : value, MathNet.Numerics.LinearAlgebra.Zeros.Include);
            GradientCheck.Run(copy, x).ThrowIfFailed();
        }
    }
}

public sealed class CopySingleTests : CopyTests<float>;
