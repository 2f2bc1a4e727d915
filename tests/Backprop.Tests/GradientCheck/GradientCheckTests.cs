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
    public void A_kink_is_said_to_be_one_instead_of_a_factor()
    {
        // By hand 0.9 everywhere, by central differences 0.4: "2.25 times what it should be", if it were not for the kink.
        var x = Matrix<double>.Build.Dense(2, 3);
        var report = GradientCheck.Run(new OwnLayer<double>((_, x, _) => x.Map(value => value > 0 ? 0.9 * value : -0.1 * value), (_, pass, dY) => dY.PointwiseMultiply(pass.Input.Map(value => value >= 0 ? 0.9 : -0.1, Zeros.Include))), x);
        report.ToString().Should().Contain(" A kink may be here: the slope is ").And.Contain(" from below and ").And.NotContain("times what it should be");
        GradientCheck.Run(new ReLU<double>(), x).ToString().Should().Contain("A kink may be here");
        GradientCheck.Run(new L1Loss<double>(), x, x).ThrowIfFailed();
    }

    [Fact]
    public void An_entry_that_is_wrong_without_a_kink_is_named_before_one_with_it()
    {
        var x = Matrix<double>.Build.Dense(1, 3, [0, -1, 2]);
        var report = GradientCheck.Run(new OwnLayer<double>((_, x, _) => x.PointwiseMaximum(0), (_, pass, dY) => dY.PointwiseMultiply(pass.Input.Map(value => value >= 0 ? 3.0 : 0, Zeros.Include))), x);
        report.ToString().Should().Contain("dL/dx: the entry (0, 2) is ").And.NotContain("kink");
    }

    [Fact]
    public void Inputs_that_are_indices_are_told_to_pass_checkInput_false()
    {
        var x = Matrix<double>.Build.Dense(2, 2, [0, 1, 2, 1]);
        var embedding = new Embedding<double>(3, 2);
        GradientCheck.Run(embedding, x).Problems.Should().ContainSingle().Which.Should().Contain("expects whole numbers from 0 to 2").And.EndWith("Where x holds indices, or anything else that is not continuous, pass checkInput: false.");
        GradientCheck.Run(embedding, x, checkInput: false).ThrowIfFailed();
        GradientCheck.Run(Table(Math.Floor, 0), x).ToString().Should().Contain("The output jumps here, so there is no slope to compare. Where x holds indices, or anything else that is not continuous, pass checkInput: false.");
        GradientCheck.Run(Table(Math.Floor, 0), x, checkInput: false).ThrowIfFailed();
        GradientCheck.Run(Table(Math.Round, 1), x).ToString().Should().Contain("The output does not move with x at all: where x holds indices, or anything else that is not continuous, pass checkInput: false.");

        static OwnLayer<double> Table(Func<double, double> read, double slope) => new((_, x, _) => x.Map(read) * 2, (_, _, dY) => dY * slope);
    }

    [Fact]
    public void Paths_are_named_and_a_tied_parameter_is_checked_once()
    {
        var inner = new ScaledSquare(3).Initialised();
        var model = new Sequential<double> { { "first", inner }, { "block", new Residual<double>(new Sequential<double> { { "again", inner }, { "other", new ScaledSquare(3).Initialised() } }) } };
        var report = GradientCheck.Run(model, X);
        report.ThrowIfFailed();
        report.Comparisons.Select(comparison => comparison.Name).Should().Equal("x", "first.scale", "block.f.other.scale");
        var wrong = new Sequential<double> { { "block", new Residual<double>(new Sequential<double> { { "wrong", new ScaledSquare(3, forgets: true).Initialised() } }) } };
        GradientCheck.Run(wrong, X).ToString().Should().Contain("dL/dblock.f.wrong.scale: the entry (").And.Contain("It is 0 everywhere: is it ever added to?");
    }

    [Fact]
    public void A_layer_that_merges_or_splits_rows_is_checked_as_any_other()
    {
        GradientCheck.Run(Pairs(1), X.SubMatrix(0, 4, 0, 3)).ThrowIfFailed();
        GradientCheck.Run(Pairs(2), X.SubMatrix(0, 4, 0, 3)).ToString().Should().Contain("Every entry is 2 times what it should be: a factor.");
        ((Action)(() => GradientCheck.Run(Pairs(1), X))).Should().Throw<ArgumentException>().WithMessage("*pairs of rows*");
        var split = new OwnLayer<double>((_, x, _) => Matrix<double>.Build.Dense(2 * x.RowCount, x.ColumnCount, (i, j) => (i % 2 + 1) * x[i / 2, j]),
            (_, pass, dY) => Matrix<double>.Build.Dense(pass.Input.RowCount, dY.ColumnCount, (i, j) => dY[2 * i, j] + 2 * dY[2 * i + 1, j]), rows: rows => 2 * rows);
        GradientCheck.Run(split, X).ThrowIfFailed();
        GradientCheck.Run(new OwnLayer<double>((_, x, _) => x.Stack(x), (_, _, dY) => dY), X).Problems.Should().ContainSingle().Which.Should().Contain("returned a 10x3 matrix for a 5x3 input, but it declares a dense 5x3 output");

        static OwnLayer<double> Pairs(double factor) => new((_, x, _) => Matrix<double>.Build.Dense(x.RowCount / 2, x.ColumnCount, (i, j) => x[2 * i, j] + x[2 * i + 1, j]),
            (_, pass, dY) => Matrix<double>.Build.Dense(pass.Input.RowCount, dY.ColumnCount, (i, j) => factor * dY[i / 2, j]), rows: rows => rows % 2 == 0 ? rows / 2 : throw new ArgumentException("Pairs() expects pairs of rows."));
    }

    [Fact]
    public void Evaluation_is_checked_where_it_is_asked_for()
    {
        var layer = new OwnLayer<double>((_, x, pass) => pass.Training ? x * 1 : x * 3, (_, pass, dY) => dY * 1);
        GradientCheck.Run(layer, X).ThrowIfFailed();
        GradientCheck.Run(layer, X, training: false).ToString().Should().Contain("Every entry is 0.3333 times what it should be: a factor.");
        var batchNorm = new BatchNorm1d<double>(3);
        Any.Vector<double>(3, 1).CopyTo(batchNorm.RunningMean!.Value);
        GradientCheck.Run(batchNorm, X, training: false).ThrowIfFailed();
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
