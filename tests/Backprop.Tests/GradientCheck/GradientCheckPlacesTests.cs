using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Where a mistake is: what was kept in the layer, what was not registered, what threw, and which layer of a network.</summary>
public class GradientCheckPlacesTests
{
    private static readonly Matrix<double> X = Any.Matrix<double>(5, 3, 1);

    private sealed class Keeps(bool output) : Layer<double>
    {
        private Matrix<double>? _kept;

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
        {
            var y = output && _kept?.RowCount == x.RowCount ? _kept : pass.NewOutput(x.RowCount, x.ColumnCount);
            x.PointwiseMultiply(x, y);
            _kept = output ? y : x.Clone();
            return y;
        }

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
        {
            var dX = pass.NewInputGradient();
            (output ? pass.Input : _kept!).PointwiseMultiply(dY, dX);
            dX.Multiply(2, dX);
            return dX;
        }
    }

    [Fact]
    public void What_is_kept_in_the_layer_and_not_in_the_pass_is_found()
    {
        var report = GradientCheck.Run(new Keeps(output: false), X);
        report.Comparisons.Should().OnlyContain(comparison => comparison.Passed, "no derivative shows it");
        report.Problems.Should().ContainSingle().Which.Should().Match("After another pass of the layer has run forward, dL/dX is another one: * What a backward pass needs belongs into the pass, not into the layer, which may stand in several places and serve several threads.");
        GradientCheck.Run(new Keeps(output: true), X).Problems.Should().Contain(problem => problem.StartsWith("After another pass of the layer has run forward, the output of the first is another one: ", StringComparison.Ordinal));
        GradientCheck.Run(new Keeps(output: false), X.SubMatrix(0, 1, 0, 3)).Passed.Should().BeFalse("a batch of one is no excuse");
    }

    private sealed class Forgets : Layer<double>
    {
        private readonly VectorParameter<double> _scale = new("scale", 1);
        private readonly Parameter<double>[] _others = [new VectorParameter<double>("shift", 2)];
        private readonly Linear<double> _inner = new(3, 3);

        public Forgets() => _scale.Values.Fill(2);

        public CounterBuffer<double> Count { get; } = new("count");

        public override string ToString() => $"Forgets({_others.Length}, {_inner})";

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            x.Multiply(_scale.Values[0], y);
            return y;
        }

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
        {
            var dX = pass.NewInputGradient();
            dY.Multiply(_scale.Values[0], dX);
            return dX;
        }
    }

    [Fact]
    public void What_is_not_registered_is_found_wherever_it_stands()
    {
        var report = GradientCheck.Run(new Forgets(), X);
        string[] parts = ["a parameter that is not registered, scale (1)", "a parameter that is not registered, shift (2)", "a layer with parameters that is not registered, Linear(3 -> 3)", "a buffer that is not registered, count ()"];
        report.Problems.Should().BeEquivalentTo(parts.Select(part => $"Forgets(1, Linear(3 -> 3)) holds {part}: optimizers, files and this check do not know of it. Give it to Register in the constructor."));
        GradientCheck.Run(new Sequential<double> { { "block", new Sequential<double> { { "f", new Forgets() } } } }, X).Problems.Should().HaveCount(4).And.OnlyContain(problem => problem.StartsWith("block.f: Forgets", StringComparison.Ordinal));
        var table = new Embedding<double>(5, 3);
        GradientCheck.Run(new Linear<double>(table.Weight), Any.Matrix<double>(4, 3, 1)).Passed.Should().BeTrue("it registered the weight of another");
    }

    private sealed class Throws(Exception exception) : Layer<double>
    {
        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => throw exception;

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => dY;
    }

    [Fact]
    public void What_was_thrown_is_kept_with_its_place()
    {
        foreach (var exception in (Exception[])[new InvalidOperationException("Nullable object must have a value."), new FormatException("no number")])
        {
            var report = GradientCheck.Run(new Sequential<double> { { "a", new Linear<double>(3, 3) }, { "b", new Throws(exception) } }, X);
            report.Exception.Should().BeSameAs(exception);
            report.Problems.Should().ContainSingle().Which.Should().Match($"The forward pass failed: {(exception is InvalidOperationException ? "" : "FormatException: ")}{exception.Message} (at Backprop.Tests.GradientCheckPlacesTests.Throws.ForwardCore(*");
            var fails = () => report.ThrowIfFailed();
            fails.Should().Throw<GradientCheckException>().Which.InnerException.Should().BeSameAs(exception);
        }

        GradientCheck.Run(new Linear<double>(3, 2), X).Exception.Should().BeNull();
    }

    private sealed class Wrong(double factor) : Activation<double>
    {
        protected override void Apply(ReadOnlySpan<double> x, Span<double> y)
        {
            for (var i = 0; i < x.Length; i++) y[i] = x[i] * x[i];
        }

        protected override void Differentiate(ReadOnlySpan<double> x, ReadOnlySpan<double> y, ReadOnlySpan<double> dY, Span<double> dX)
        {
            for (var i = 0; i < x.Length; i++) dX[i] = factor * dY[i] * x[i];
        }
    }

    [Fact]
    public void The_layer_that_is_wrong_is_found_among_those_that_suffer_from_it()
    {
        Sequential<double> Network(double factor) => new()
        {
            { "in", new Linear<double>(3, 4, generator: new Generator(1)) },
            { "block", new Sequential<double> { { "square", new Wrong(factor) }, { "sigmoid", new Sigmoid<double>() } } },
            { "out", new Linear<double>(4, 2, generator: new Generator(2)) },
        };
        GradientCheck.Run(Network(2), X).Passed.Should().BeTrue();
        var report = GradientCheck.Run(Network(-2), X);
        report.Comparisons.Where(comparison => !comparison.Passed).Select(comparison => comparison.Name).Should().BeEquivalentTo("x", "in.weight", "in.bias");
        report.Problems.Should().Equal("Taken alone, with what it is given there, block.square is wrong, and no other of its parts.");
    }
}
