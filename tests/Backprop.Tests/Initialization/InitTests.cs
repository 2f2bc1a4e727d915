using System.Globalization;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class InitTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    // As in init.py.
    private static readonly Dictionary<string, Action<Matrix<T>, Generator>> Cases = new()
    {
        ["uniform"] = (w, g) => Init.Uniform(w, -0.5, 2, g),
        ["normal"] = (w, g) => Init.Normal(w, 0.5, 2, g),
        ["xavier_uniform"] = (w, g) => Init.XavierUniform(w, Init.Gain(Nonlinearity.Tanh), g),
        ["xavier_normal"] = (w, g) => Init.XavierNormal(w, Init.Gain(Nonlinearity.SELU), g),
        ["kaiming_uniform"] = (w, g) => Init.KaimingUniform(w, generator: g),
        ["kaiming_uniform_sqrt5"] = (w, g) => Init.KaimingUniform(w, a: Math.Sqrt(5), generator: g),
        ["kaiming_uniform_out_relu"] = (w, g) => Init.KaimingUniform(w, mode: FanMode.FanOut, nonlinearity: Nonlinearity.ReLU, generator: g),
        ["kaiming_uniform_leaky"] = (w, g) => Init.KaimingUniform(w, a: 0.2, generator: g),
        ["kaiming_normal"] = (w, g) => Init.KaimingNormal(w, generator: g),
        ["kaiming_normal_out_linear"] = (w, g) => Init.KaimingNormal(w, mode: FanMode.FanOut, nonlinearity: Nonlinearity.Linear, generator: g),
        ["orthogonal"] = (w, g) => Init.Orthogonal(w, 1.5, g),
        ["trunc_normal"] = (w, g) => Init.TruncatedNormal(w, generator: g),
        ["trunc_normal_skew"] = (w, g) => Init.TruncatedNormal(w, mean: 0.3, std: 0.5, a: 0.1, b: 2, generator: g),
        ["trunc_normal_far"] = (w, g) => Init.TruncatedNormal(w, a: 2.5, b: 4, generator: g),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_same_seed_gives_PyTorchs_values(string name)
    {
        var fixtures = Fixture.Lines("init").Where(line => line[0] == name && line[1] == Fixture.TypeName<T>()).ToArray();
        fixtures.Should().HaveCount(5);
        foreach (var fixture in fixtures)
        {
            var numbers = fixture[2..5].Select(field => int.Parse(field, CultureInfo.InvariantCulture)).ToArray();
            var (rows, columns, generator) = (numbers[0], numbers[1], new Generator(numbers[2]));
            var (weight, expected) = (Matrix<T>.Build.Dense(rows, columns), Fixture.Values<T>(fixture[5]));
            Cases[name](weight, generator);
            using var twin = Proof.Tensor(Matrix<T>.Build.Dense(columns, rows, expected)).t();
            Proof.Compare("Init", name, weight, twin);
            if (name.Contains("uniform", StringComparison.Ordinal)) weight.ToRowMajorArray().Should().Equal(expected, "uniform values have PyTorch's bits");
        }
    }

    [Fact]
    public void A_parameter_gets_what_its_matrix_or_vector_gets()
    {
        var (weight, bias, matrix, vector) = (new MatrixParameter<T>("weight", 3, 5), new VectorParameter<T>("bias", 7), Matrix<T>.Build.Dense(3, 5), Vector<T>.Build.Dense(7));
        (Action<Generator> ToParameter, Action<Generator> ToMatrix)[] matrices =
        [
            (g => Init.Uniform(weight, -1, 2, g), g => Init.Uniform(matrix, -1, 2, g)),
            (g => Init.Normal(weight, 1, 2, g), g => Init.Normal(matrix, 1, 2, g)),
            (g => Init.TruncatedNormal(weight, 1, 2, 0, 3, g), g => Init.TruncatedNormal(matrix, 1, 2, 0, 3, g)),
            (_ => Init.Constant(weight, 0.25), _ => Init.Constant(matrix, 0.25)),
            (g => Init.XavierUniform(weight, 2, g), g => Init.XavierUniform(matrix, 2, g)),
            (g => Init.XavierNormal(weight, 2, g), g => Init.XavierNormal(matrix, 2, g)),
            (g => Init.KaimingUniform(weight, 0.1, FanMode.FanOut, Nonlinearity.Tanh, g), g => Init.KaimingUniform(matrix, 0.1, FanMode.FanOut, Nonlinearity.Tanh, g)),
            (g => Init.KaimingNormal(weight, 0.1, FanMode.FanOut, Nonlinearity.LeakyReLU, g), g => Init.KaimingNormal(matrix, 0.1, FanMode.FanOut, Nonlinearity.LeakyReLU, g)),
            (g => Init.Orthogonal(weight, 2, g), g => Init.Orthogonal(matrix, 2, g)),
        ];
        foreach (var (toParameter, toMatrix) in matrices)
        {
            toParameter(new Generator(5));
            toMatrix(new Generator(5));
            weight.Value.ToArray().Should().BeEquivalentTo(matrix.ToArray());
            matrix.Enumerate().Should().NotContain(T.Zero);
            matrix.Clear();
        }

        (Action<Generator> ToParameter, Action<Generator> ToVector)[] vectors =
        [
            (g => Init.Uniform(bias, -1, 2, g), g => Init.Uniform(vector, -1, 2, g)),
            (g => Init.Normal(bias, 1, 2, g), g => Init.Normal(vector, 1, 2, g)),
            (g => Init.TruncatedNormal(bias, 1, 2, 0, 3, g), g => Init.TruncatedNormal(vector, 1, 2, 0, 3, g)),
            (_ => Init.Constant(bias, 0.25), _ => Init.Constant(vector, 0.25)),
        ];
        foreach (var (toParameter, toVector) in vectors)
        {
            toParameter(new Generator(5));
            toVector(new Generator(5));
            bias.Value.ToArray().Should().Equal(vector.ToArray());
            vector.Enumerate().Should().NotContain(T.Zero);
            vector.Clear();
        }

        // A vector's values are those of a matrix with one column.
        var column = Matrix<T>.Build.Dense(7, 1);
        (Action<Generator> ToVector, Action<Generator> ToMatrix)[] columns =
        [
            (g => Init.Uniform(vector, -1, 2, g), g => Init.Uniform(column, -1, 2, g)),
            (g => Init.Normal(vector, 1, 2, g), g => Init.Normal(column, 1, 2, g)),
            (g => Init.TruncatedNormal(vector, 1, 2, 0, 3, g), g => Init.TruncatedNormal(column, 1, 2, 0, 3, g)),
        ];
        foreach (var (toVector, toMatrix) in columns)
        {
            toVector(new Generator(5));
            toMatrix(new Generator(5));
            vector.ToArray().Should().Equal(column.ToColumnMajorArray());
        }
    }

    /// <summary>torch.nn.init counts a kernel's places with its channels: of [30, 20, 2, 3], 120 inputs reach an output, and 180 outputs an input.</summary>
    [Fact]
    public void A_kernel_has_the_fans_of_its_shape()
    {
        var weight = new MatrixParameter<T>("weight", 30, 20 * 6, 30, 20, 2, 3);
        void Same(Action<Generator> init, Action<Matrix<T>, Generator> expected)
        {
            init(new Generator(5));
            var matrix = Matrix<T>.Build.Dense(30, 120);
            expected(matrix, new Generator(5));
            weight.Value.ToColumnMajorArray().Should().Equal(matrix.ToColumnMajorArray());
        }

        double xavier = Math.Sqrt(2.0 / (120 + 180)), gain = Math.Sqrt(2);
        Same(g => Init.XavierUniform(weight, generator: g), (w, g) => Init.Uniform(w, -Math.Sqrt(3) * xavier, Math.Sqrt(3) * xavier, g));
        Same(g => Init.XavierNormal(weight, generator: g), (w, g) => Init.Normal(w, 0, xavier, g));
        Same(g => Init.KaimingUniform(weight, mode: FanMode.FanIn, generator: g), (w, g) => Init.Uniform(w, -Math.Sqrt(3) * (gain / Math.Sqrt(120)), Math.Sqrt(3) * (gain / Math.Sqrt(120)), g));
        Same(g => Init.KaimingUniform(weight, mode: FanMode.FanOut, generator: g), (w, g) => Init.Uniform(w, -Math.Sqrt(3) * (gain / Math.Sqrt(180)), Math.Sqrt(3) * (gain / Math.Sqrt(180)), g));
        Same(g => Init.KaimingNormal(weight, mode: FanMode.FanOut, nonlinearity: Nonlinearity.ReLU, generator: g), (w, g) => Init.Normal(w, 0, gain / Math.Sqrt(180), g));
    }

    [Fact]
    public void Without_a_generator_the_default_one_draws()
    {
        var (w, state) = (Matrix<T>.Build.Dense(2, 2), Generator.Default.GetState());
        Init.Normal(w);
        Generator.Default.GetState().Should().NotEqual(state);
    }

    /// <summary>Rows or columns, whichever are fewer, are orthogonal, and of the gain's length.</summary>
    [Fact]
    public void An_orthogonal_matrix_is_one() => Any.Shape.ForAll(shape =>
    {
        var q = Matrix<T>.Build.Dense(shape.Rows, shape.Columns);
        Init.Orthogonal(q, 3, new Generator(shape.Seed));
        var product = shape.Rows < shape.Columns ? q.TransposeAndMultiply(q) : q.TransposeThisAndMultiply(q);
        var limit = typeof(T) == typeof(double) ? 1e-13 : 1e-4;
        foreach (var (row, column, value) in product.EnumerateIndexed())
            double.CreateChecked(value).Should().BeApproximately(row == column ? 9 : 0, limit);
    });

    [Fact]
    public void Truncated_values_lie_within_their_bounds_and_have_the_right_moments()
    {
        var w = Matrix<T>.Build.Dense(100, 100);
        Init.TruncatedNormal(w, mean: 1, std: 2, a: 0, b: 4, generator: new Generator(1));
        var values = w.Enumerate().Select(double.CreateChecked).ToArray();
        values.Min().Should().BeGreaterThanOrEqualTo(0).And.BeLessThan(0.01);
        values.Max().Should().BeLessThanOrEqualTo(4).And.BeGreaterThan(3.99);
        values.Average().Should().BeApproximately(1.7228, 0.05);    // mean + std (φ(-1/2) - φ(3/2)) / (Φ(3/2) - Φ(-1/2))
        Init.TruncatedNormal(w, a: 20, b: 30, generator: new Generator(1));
        w.Enumerate().Should().AllBeEquivalentTo(T.CreateChecked(30));
    }
}

public sealed class InitDoubleTests : InitTests<double>
{
    private static readonly Matrix<double> W = Matrix<double>.Build.Dense(2, 3);
    private static readonly VectorParameter<double> Bias = new("bias", 3);

    public static TheoryData<string, Action> Refused => new()
    {
        { "Init expects a dense matrix, but target is a 2x3 SparseMatrix; *(Parameter 'target')", () => Init.XavierUniform(Matrix<double>.Build.Sparse(2, 3)) },
        { "Init expects a dense matrix, but target is a 2x3 SparseMatrix; *(Parameter 'target')", () => Init.Normal(Matrix<double>.Build.Sparse(2, 3)) },
        { "Init expects a dense vector, but target is a SparseVector of 3; *(Parameter 'target')", () => Init.Uniform(Vector<double>.Build.Sparse(3)) },
        { "Init expects a parameter of two dimensions here, but it is bias (3). (Parameter 'target')", () => Init.KaimingUniform(Bias) },
        { "Init expects a parameter of two dimensions here, but it is bias (3). (Parameter 'target')", () => Init.Orthogonal(Bias) },
        { "*(Parameter 'target')", () => Init.Uniform((Parameter<double>)null!) },
        { "*(Parameter 'target')", () => Init.Constant((Matrix<double>)null!, 1) },
        { "*(Parameter 'target')", () => Init.TruncatedNormal((Vector<double>)null!) },
        { "Uniform expects finite bounds, from <= to, but from is 2 and to is 1. (Parameter 'from')", () => Init.Uniform(W, 2, 1) },
        { "Normal expects a standard deviation of at least 0, but std is -1. (Parameter 'std')", () => Init.Normal(W, 0, -1) },
        { "Init expects std to be finite and above 0, but it is 0. (Parameter 'std')", () => Init.TruncatedNormal(W, 0, 0) },
        { "Init expects mean to be finite, but it is NaN. (Parameter 'mean')", () => Init.TruncatedNormal(W, double.NaN) },
        { "Init expects a to be at most b, but it is 3. (Parameter 'a')", () => Init.TruncatedNormal(W, a: 3, b: 2) },
        { "Init expects gain to be finite and at least 0, but it is -1. (Parameter 'gain')", () => Init.XavierNormal(W, -1) },
        { "Init expects gain to be finite, but it is NaN. (Parameter 'gain')", () => Init.Orthogonal(W, double.NaN) },
        { "Init expects slope to be finite, but it is NaN. (Parameter 'slope')", () => Init.KaimingNormal(W, double.NaN) },
        { "Init expects nonlinearity to be one of Linear, Sigmoid, Tanh, ReLU, LeakyReLU, SELU, but it is 99. (Parameter 'nonlinearity')", () => Init.KaimingNormal(W, nonlinearity: (Nonlinearity)99) },
        { "Init expects mode to be one of FanIn, FanOut, but it is 99. (Parameter 'mode')", () => Init.KaimingUniform(W, mode: (FanMode)99) },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public void What_makes_no_sense_is_refused_and_changes_nothing(string message, Action fill)
    {
        fill.Should().Throw<ArgumentException>().WithMessage(message);
        W.Enumerate().Should().AllBeEquivalentTo(0.0);
    }

    [Fact]
    public void Gains_are_PyTorchs()
    {
        Enum.GetValues<Nonlinearity>().Select(nonlinearity => Init.Gain(nonlinearity)).Should().Equal(1, 1, 5.0 / 3, Math.Sqrt(2), 1.4141428569978354, 0.75);
        Init.Gain(Nonlinearity.LeakyReLU, 0.2).Should().Be(1.3867504905630728);
    }
}

public sealed class InitSingleTests : InitTests<float>;
