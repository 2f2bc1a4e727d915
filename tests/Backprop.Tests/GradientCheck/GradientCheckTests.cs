using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>The checker is worth what it catches: layers outside the library, right and wrong in every common way.</summary>
public sealed class GradientCheckTests
{
    private static readonly Matrix<double> X = Any.Matrix<double>(5, 3, 1);

    /// <summary>A layer as a user would write it: two methods. y = scale * x^2, a scale for each column.</summary>
    private sealed class ScaledSquare(int features, Func<double, double>? mistake = null, bool sets = false, bool harms = false, bool forgets = false) : Layer<double>
    {
        private VectorParameter<double>? _scale;

        public VectorParameter<double> Scale => _scale ??= Register(new VectorParameter<double>("scale", features));

        public ScaledSquare Initialised()
        {
            for (var j = 0; j < features; j++) Scale.Value[j] = 1.5 - j;
            return this;
        }

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            x.MapIndexed((_, j, value) => Scale.Value[j] * value * value, y);
            return y;
        }

        protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
        {
            var dX = pass.NewInputGradient();
            var x = pass.Input;
            x.MapIndexed((i, j, value) => (mistake ?? (g => g))(2 * Scale.Value[j] * value * dY[i, j]), dX);
            var dScale = dY.PointwiseMultiply(x.PointwisePower(2)).ColumnSums();
            if (sets) dScale.CopyTo(Scale.Gradient);
            else if (!forgets) Scale.Gradient.Add(dScale, Scale.Gradient);
            if (harms) dY[0, 0] = 0;
            return dX;
        }

        public override string ToString() => $"ScaledSquare({features})";
    }

    [Fact]
    public void A_right_layer_passes()
    {
        var layer = new ScaledSquare(3).Initialised();
        layer.Scale.Gradient[1] = 42;
        var report = GradientCheck.Run(layer, X);
        report.Passed.Should().BeTrue("{0}", report);
        report.Comparisons.Select(comparison => (comparison.Name, comparison.Count)).Should().Equal(("x", 15), ("scale", 3));
        report.ThrowIfFailed();
        report.ToString().Should().StartWith("ScaledSquare(3): every gradient agrees with finite differences.");
        layer.Scale.Gradient[1].Should().Be(42, "the check leaves gradients as they were");
    }

    [Fact]
    public void A_sign_a_factor_and_an_addend_are_caught_and_described()
    {
        Message(new ScaledSquare(3, g => -g)).Should().Contain("dL/dx: the entry (").And.Contain("Every entry is -1 times what it should be: a sign.");
        Message(new ScaledSquare(3, g => g / 2)).Should().Contain("Every entry is 0.5 times what it should be: a factor.");
        Message(new ScaledSquare(3, g => g + 1e-5)).Should().Contain("dL/dx: the entry (").And.Contain("by finite differences");
        Message(new ScaledSquare(3, g => g * (1 + 1e-5))).Should().Contain("dL/dx: the entry (");
        Message(new ScaledSquare(3, _ => double.NaN)).Should().Contain("not finite");
        Message(new ScaledSquare(3, _ => 0)).Should().Contain("It is 0 everywhere");
    }

    [Fact]
    public void Gradients_that_are_set_or_forgotten_and_changed_operands_are_caught()
    {
        Message(new ScaledSquare(3, sets: true)).Should().Contain("dL/dscale: after a second backward pass it is not twice the first; gradients are added to what is there, not set.");
        Message(new ScaledSquare(3, forgets: true)).Should().Contain("dL/dscale: the entry (").And.Contain("It is 0 everywhere: is it ever added to?");
        Message(new ScaledSquare(3, harms: true)).Should().Contain("The layer changed dL/dY");
    }

    [Fact]
    public void A_transposed_gradient_is_recognised()
    {
        var report = GradientCheck.Run(new TransposedWeight(), Any.Matrix<double>(4, 3, 2));
        report.ToString().Should().Contain("dL/dweight: the entry (").And.Contain("It is the transpose of what it should be.");
        report.Comparisons.Single(comparison => comparison.Name == "x").Passed.Should().BeTrue();
    }

    [Fact]
    public void A_wrong_loss_is_caught()
    {
        var (p, t) = (Any.Matrix<double>(3, 2, 1), Any.Matrix<double>(3, 2, 2));
        GradientCheck.Run(new MSELoss<double>(), p, t).Passed.Should().BeTrue();
        // The notebook's text drops the factor 2 / n.
        GradientCheck.Run(new WithoutFactor(), p, t).ToString().Should().Contain("Every entry is 3 times what it should be: a factor.");
    }

    [Fact]
    public void A_kink_nearby_does_not_spoil_the_check()
    {
        var x = Matrix<double>.Build.Dense(1, 3, [1e-4, -1e-4, 0.5]);
        GradientCheck.Run(new Absolute(), x).Passed.Should().BeTrue();
    }

    [Fact]
    public void Arguments_are_checked()
    {
        ((Action)(() => GradientCheck.Run((Layer<double>)null!, X))).Should().Throw<ArgumentNullException>();
        ((Action)(() => GradientCheck.Run(new MSELoss<double>(), null!, X))).Should().Throw<ArgumentNullException>();
        ((Action)(() => GradientCheck.Run(new Linear<double>(2, 2), X))).Should().Throw<ArgumentException>();
    }

    private static string Message(ScaledSquare layer)
    {
        var act = () => GradientCheck.Run(layer.Initialised(), X).ThrowIfFailed();
        return act.Should().Throw<GradientCheckException>().Which.Message;
    }

    private sealed class TransposedWeight : Layer<double>
    {
        private readonly MatrixParameter<double> _weight;

        public TransposedWeight()
        {
            _weight = Register(new MatrixParameter<double>("weight", 3, 3));
            Any.Matrix<double>(3, 3, 5).CopyTo(_weight.Value);
        }

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => x.TransposeAndMultiply(_weight.Value);

        protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
        {
            _weight.Gradient.Add(pass.Input.TransposeThisAndMultiply(dY), _weight.Gradient);
            return dY * _weight.Value;
        }
    }

    private sealed class Absolute : Layer<double>
    {
        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => x.PointwiseAbs();

        protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => dY.PointwiseMultiply(pass.Input.PointwiseSign());
    }

    private sealed class WithoutFactor : Loss<double>
    {
        protected override double ForwardCore(Matrix<double> prediction, Matrix<double> target) => (prediction - target).Enumerate().Average(d => d * d);

        protected override void BackwardCore(Matrix<double> prediction, Matrix<double> target, Matrix<double> dPrediction) => prediction.Subtract(target, dPrediction);
    }
}
