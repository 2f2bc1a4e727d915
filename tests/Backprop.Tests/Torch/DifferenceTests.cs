using Backprop.Torch;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class DifferenceTests<T>
    where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly Tolerance Loose = new(0.5, 0.25);

    [Fact]
    public void Equal_values_do_not_differ()
    {
        Matrix<T> ours = Matrix<T>.Build.Dense(2, 3, Values(1, 2, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0));
        using Tensor theirs = ours.ToTensor();
        ours[1, 2] = T.NegativeZero;

        Difference difference = Difference.Between(ours, theirs);

        difference.IsWithinTolerance.Should().BeTrue();
        (difference.Absolute, difference.Relative, difference.ShareOfTolerance).Should().Be((0, 0, 0));
    }

    [Fact]
    public void The_largest_differences_and_the_worst_entry_are_found_in_their_row_and_column()
    {
        using Tensor theirs = Matrix<T>.Build.DenseOfRowMajor(2, 3, Values(100, 1, 4, 2, 8, -16)).ToTensor();
        Matrix<T> ours = Matrix<T>.Build.DenseOfRowMajor(2, 3, Values(103, 1, 6, 1, 8, -16));

        Difference difference = Difference.Between(ours, theirs, Loose);

        difference.Absolute.Should().Be(3, "at [0, 0], where 25.5 is allowed");
        difference.Relative.Should().Be(0.5, "at [0, 2] and [1, 0]");
        difference.ShareOfTolerance.Should().BeApproximately(2 / 1.5, 1e-12, "at [0, 2]; at [1, 0] it is 1");
        (difference.Row, difference.Column, difference.Ours, difference.Theirs).Should().Be((0, 2, 6.0, 4.0));
        difference.IsWithinTolerance.Should().BeFalse();
        difference.ToString().Should().Be("largest difference 3, relative 0.5, 1.33 of what is allowed; worst at [0, 2]: ours 6, theirs 4");
    }

    [Fact]
    public void The_limit_itself_is_within_and_grows_with_their_value_not_with_ours()
    {
        Of(3, 2, Loose).ShareOfTolerance.Should().Be(1);
        Of(3, 2, Loose).IsWithinTolerance.Should().BeTrue();
        Of(2, 3.5, Loose).IsWithinTolerance.Should().BeFalse("0.5 + 0.25 * 3.5 is less than 1.5");
        Of(3.5, 2, new(1.5, 0)).IsWithinTolerance.Should().BeTrue();
        Of(3.75, 2, new(1.5, 0)).IsWithinTolerance.Should().BeFalse();
        Of(0.5, 0, default).Should().Match<Difference>(d => d.Relative == double.PositiveInfinity && !d.IsWithinTolerance);
    }

    [Theory]
    [InlineData(double.NaN, 1)]
    [InlineData(1, double.NaN)]
    [InlineData(double.PositiveInfinity, 1)]
    [InlineData(1, double.NegativeInfinity)]
    [InlineData(double.PositiveInfinity, double.NegativeInfinity)]
    [InlineData(double.NaN, double.PositiveInfinity)]
    public void What_is_not_finite_on_one_side_only_differs_infinitely_whatever_is_allowed(double ours, double theirs)
    {
        Difference difference = Of(ours, theirs, new(1e300, 1e300));

        difference.IsWithinTolerance.Should().BeFalse();
        (difference.Absolute, difference.Relative).Should().Be((double.PositiveInfinity, double.PositiveInfinity));
        (difference.Ours, difference.Theirs).Should().Be((ours, theirs));
    }

    [Fact]
    public void A_difference_that_is_not_finite_is_not_hidden_by_a_later_one()
    {
        Vector<T> ours = Vector<T>.Build.Dense(Values(1, double.NaN, 5)), theirs = Vector<T>.Build.Dense(Values(1, 2, 3));

        Difference difference = Difference.Between(ours, theirs);

        difference.IsWithinTolerance.Should().BeFalse();
        (difference.Row, difference.Column).Should().Be((1, 0));
    }

    [Fact]
    public void Matrices_vectors_and_numbers_are_compared_with_tensors_and_with_each_other()
    {
        Matrix<T> matrix = Matrix<T>.Build.Dense(2, 3, T.One), zeroMatrix = Matrix<T>.Build.Dense(2, 3);
        Vector<T> vector = Vector<T>.Build.Dense(3, T.One), zeroVector = Vector<T>.Build.Dense(3);
        using Tensor matrixTensor = zeroMatrix.ToTensor(), vectorTensor = zeroVector.ToTensor(), scalarTensor = vectorTensor.sum();

        foreach (Difference difference in new[]
        {
            Difference.Between(matrix, matrixTensor), Difference.Between(matrix, zeroMatrix),
            Difference.Between(vector, vectorTensor), Difference.Between(vector, zeroVector),
            Difference.Between(T.One, scalarTensor), Difference.Between(Matrix<T>.Build.DiagonalIdentity(2, 3), zeroMatrix),
        })
            difference.Absolute.Should().Be(1);
        Difference.Between(Matrix<T>.Build.Dense(0, 3), Matrix<T>.Build.Dense(0, 3)).Should().Be(default(Difference));
    }

    [Fact]
    public void The_assertion_passes_where_values_agree_and_names_what_does_not()
    {
        Matrix<T> gradient = Matrix<T>.Build.Dense(2, 3, T.One);
        Vector<T> bias = Vector<T>.Build.Dense(3, T.One);
        T loss = T.One;
        using Tensor matrix = gradient.ToTensor(), vector = bias.ToTensor(), scalar = matrix.mean();

        gradient.ShouldAgreeWith(matrix);
        gradient.ShouldAgreeWith(gradient.Clone());
        bias.ShouldAgreeWith(vector);
        loss.ShouldAgreeWith(scalar);

        gradient[1, 2] = bias[2] = loss = T.CreateChecked(1.25);
        foreach ((Action fail, string name) in new (Action, string)[]
        {
            (() => gradient.ShouldAgreeWith(matrix), "gradient is to agree;*worst at [1, 2]: ours 1.25, theirs 1"),
            (() => gradient.ShouldAgreeWith(matrix.ToMatrix<T>()), "gradient is to agree;*worst at [1, 2]: ours 1.25, theirs 1"),
            (() => bias.ShouldAgreeWith(vector), "bias is to agree;*worst at [2, 0]: ours 1.25, theirs 1"),
            (() => loss.ShouldAgreeWith(scalar), "loss is to agree;*worst at [0, 0]: ours 1.25, theirs 1"),
        })
            fail.Should().Throw<Exception>().WithMessage($"*{name}*");
    }

    [Fact]
    public void Shapes_that_differ_null_and_impossible_tolerances_are_refused()
    {
        Matrix<T> matrix = Matrix<T>.Build.Dense(2, 3);
        Vector<T> vector = Vector<T>.Build.Dense(3);
        using Tensor transposed = Matrix<T>.Build.Dense(3, 2).ToTensor(), longer = Vector<T>.Build.Dense(4).ToTensor();

        Invoking(() => Difference.Between(matrix, transposed)).Should().Throw<ArgumentException>()
            .WithMessage("A comparison expects two matrices of the same shape, but ours is 2x3 and theirs is 3x2. (Parameter 'theirs')");
        Invoking(() => Difference.Between(vector, longer)).Should().Throw<ArgumentException>()
            .WithMessage("A comparison expects two vectors of the same length, but ours has 3 entries and theirs has 4. (Parameter 'theirs')");
        Invoking(() => Difference.Between(T.One, longer)).Should().Throw<ArgumentException>();
        Invoking(() => Difference.Between(matrix, (Tensor)null!)).Should().Throw<ArgumentNullException>().WithParameterName("theirs");
        Invoking(() => Difference.Between((Matrix<T>)null!, transposed)).Should().Throw<ArgumentNullException>().WithParameterName("ours");
        Invoking(() => Difference.Between(T.One, null!)).Should().Throw<ArgumentNullException>().WithParameterName("theirs");
        Invoking(() => Difference.Between(vector, vector, new(double.NaN, 0))).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("tolerance");
        Invoking(() => Difference.Between(vector, vector, new(0, -1))).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("tolerance");

        static Action Invoking(Func<Difference> compare) => () => compare();
    }

    private static Difference Of(double ours, double theirs, Tolerance tolerance) => Difference.Between(
        Vector<T>.Build.Dense(Values(ours)), Vector<T>.Build.Dense(Values(theirs)), tolerance);

    private static T[] Values(params double[] values) => [.. values.Select(T.CreateChecked)];
}

public class DifferenceDoubleTests : DifferenceTests<double>
{
    [Fact]
    public void Doubles_are_held_to_1e_12_and_1e_10()
    {
        Tolerance.Of<double>().Should().Be(new Tolerance(1e-12, 1e-10));
        Tolerance.Of<double>().ToString().Should().Be("1e-12 + 1e-10 |theirs|");
    }
}

public class DifferenceSingleTests : DifferenceTests<float>
{
    [Fact]
    public void Floats_are_held_to_1e_6_and_1e_5_and_others_to_nothing()
    {
        Tolerance.Of<float>().Should().Be(new Tolerance(1e-6, 1e-5));
        ((Action)(() => Tolerance.Of<Half>())).Should().Throw<NotSupportedException>().WithMessage("*float and double, not Half.");
    }
}
