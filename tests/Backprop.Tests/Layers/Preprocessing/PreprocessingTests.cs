using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>Layers that prepare columns: what scikit-learn gives, by samples of either kind, with derivatives, files and refusals.</summary>
public abstract class PreprocessingTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly double Epsilon = typeof(T) == typeof(double) ? 2.3e-16 : 1.2e-7;

    // The second fixture's values are about 1000 and differ by 0.01: the last bit of a value or of the mean is as large as this beside the deviation.
    private static double Conditioning(int fixture) => fixture == 1 ? 2 * 1000 * Epsilon / 0.008 : 0;

    // The third's differ by 40000, and some of them are near 0: that much of it comes back with them.
    private static double ConditioningOfInverse(int fixture) => fixture == 2 ? 40000 * Epsilon : 0;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Standardize_is_scikit_learns(int fixture)
    {
        var (x, other) = (SklearnFixture.Of<T>($"{fixture} x"), SklearnFixture.Of<T>($"{fixture} other"));
        var layer = new Standardize<T>(x.ColumnCount);
        layer.Fit(x);
        SklearnFixture.Agrees(layer.Mean.Value.ToRowMatrix(), $"{fixture} standard mean");
        SklearnFixture.Agrees(layer.Std.Value.ToRowMatrix(), $"{fixture} standard std");
        SklearnFixture.Agrees(layer.Forward(other), $"{fixture} standard", Conditioning(fixture));
        SklearnFixture.Agrees(layer.Invert(layer.Forward(other)), $"{fixture} standard inverse", ConditioningOfInverse(fixture));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void MinMaxScale_is_scikit_learns(int fixture)
    {
        var (x, other) = (SklearnFixture.Of<T>($"{fixture} x"), SklearnFixture.Of<T>($"{fixture} other"));
        foreach (var (layer, name) in new[] { (new MinMaxScale<T>(x.ColumnCount), "0 1"), (new MinMaxScale<T>(x.ColumnCount, -1, 2.5), "-1 2.5") })
        {
            layer.Fit(x);
            SklearnFixture.Agrees(layer.Forward(other), $"{fixture} minmax {name}", 2.5 * Conditioning(fixture));
            SklearnFixture.Agrees(layer.Invert(layer.Forward(other)), $"{fixture} minmax {name} inverse", ConditioningOfInverse(fixture));
            layer.Forward(x).Enumerate().Min().Should().Be(T.CreateChecked(layer.Min));
            layer.Forward(x).Enumerate().Max().Should().Be(T.CreateChecked(layer.Max));
        }
    }

    [Theory]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(33)]
    public void A_row_has_the_same_bits_alone_and_among_others(int rows)
    {
        var x = Any.Matrix<T>(rows, 3, 1);
        foreach (var layer in (Preprocessing<T>[])[new Standardize<T>(3), new MinMaxScale<T>(3), new MinMaxScale<T>(3, -1, 2.5)])
        {
            layer.Fit(Any.Matrix<T>(9, 3, 2));
            var together = layer.Forward(x).Clone();
            for (var i = 0; i < rows; i++) layer.Forward(x.SubMatrix(i, 1, 0, 3)).Row(0).Should().Equal(together.Row(i), $"{layer}, row {i}");
        }
    }

    [Fact]
    public void One_sample_is_enough_to_fill_gaps_from()
    {
        var impute = new Impute<T>(2);
        impute.Fit(Matrix<T>.Build.Dense(1, 2, T.One));
        impute.IsFitted.Should().BeTrue();
    }

    [Fact]
    public void Columns_that_never_change_are_scikit_learns_where_they_are_allowed()
    {
        var x = SklearnFixture.Of<T>("constant x");
        foreach (var (layer, name) in new (Preprocessing<T>, string)[] { (new Standardize<T>(2, allowConstant: true), "constant standard"), (new MinMaxScale<T>(2, -1, 1, allowConstant: true), "constant minmax") })
        {
            layer.Fit(x);
            SklearnFixture.Agrees(layer.Forward(x), name);
        }
    }

    [Theory]
    [InlineData(ImputeStrategy.Mean, "mean")]
    [InlineData(ImputeStrategy.Median, "median")]
    [InlineData(ImputeStrategy.MostFrequent, "most_frequent")]
    [InlineData(ImputeStrategy.Constant, "constant")]
    public void Impute_is_scikit_learns(ImputeStrategy strategy, string name)
    {
        var (x, other) = (SklearnFixture.Of<T>("gaps x"), SklearnFixture.Of<T>("gaps other"));
        var layer = new Impute<T>(3, strategy, -7.5, addIndicator: true);
        layer.IsFitted.Should().Be(strategy == ImputeStrategy.Constant);
        layer.Fit(x);
        SklearnFixture.Agrees(layer.Fill.Value.ToRowMatrix(), $"gaps {name} fill");
        SklearnFixture.Agrees(layer.Forward(other), $"gaps {name}");
        var plain = new Impute<T>(3, strategy, -7.5);
        plain.Fit(x);
        plain.Forward(other).Should().Be(layer.Forward(other).SubMatrix(0, 3, 0, 3));
    }

    [Fact]
    public void OneHot_is_scikit_learns()
    {
        SklearnFixture.Agrees(new OneHot<T>([3, 4]).Forward(SklearnFixture.Of<T>("classes other")), "classes onehot");
        SklearnFixture.Agrees(new OneHot<T>([3, 4], allowUnknown: true).Forward(SklearnFixture.Of<T>("classes unknown")), "classes onehot unknown");
    }

    [Fact]
    public void OneHot_lets_other_columns_pass_in_their_places()
    {
        var x = Matrix<T>.Build.DenseOfRowMajor(2, 3, Array.ConvertAll([0.5, 2, -1, 7, 0, double.NaN], T.CreateChecked));
        var y = new OneHot<T>([0, 3, 0]).Forward(x);
        y.ToRowMajorArray().Should().Equal(Array.ConvertAll([0.5, 0, 0, 1, -1, 7, 1, 0, 0, double.NaN], T.CreateChecked));
    }

    [Fact]
    public void Samples_that_come_one_by_one_give_the_same_bits() => Any.Shape.ForAll(shape =>
    {
        var x = Any.Matrix<T>(shape.Rows + 2, shape.Columns, shape.Seed, 100) + T.CreateChecked(1000);
        var gaps = x.MapIndexed((i, j, value) => (i + j) % 3 == 1 ? T.NaN : value, Zeros.Include);
        foreach (var make in Fittable(shape.Columns))
        {
            var (whole, stream, data) = (make(), make(), make() is Impute<T> ? gaps : x);
            whole.Fit(data);
            stream.Fit(Enumerable.Range(0, data.RowCount).Select(i => data.Row(i).ToArray()));
            foreach (var (a, b) in whole.NamedBuffers().Zip(stream.NamedBuffers())) a.Buffer.Values.ToArray().Should().Equal(b.Buffer.Values.ToArray());
            stream.SamplesSeen.Value.Should().Be(data.RowCount);
        }
    });

    [Fact]
    public void A_large_offset_costs_no_digits()
    {
        var offset = typeof(T) == typeof(double) ? 1e9 : 1e3;
        var x = Matrix<T>.Build.Dense(1000, 1, (i, _) => T.CreateChecked(offset + i % 5));
        var layer = new Standardize<T>(1);
        layer.Fit(x);
        double.CreateChecked(layer.Mean.Value[0]).Should().BeApproximately(offset + 2, offset * 1e-7);
        double.CreateChecked(layer.Std.Value[0]).Should().BeApproximately(Math.Sqrt(2), 1e-6);
    }

    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Any.Shape.ForAll(shape =>
    {
        var (n, m, seed) = (shape.Rows, shape.Columns, shape.Seed);
        var samples = Any.Matrix<T>(7, m, seed + 1, 3);
        var x = Any.Matrix<T>(n, m, seed, 3);

        var standardize = new Standardize<T>(m);
        standardize.Fit(samples);
        Proof.Layer(standardize, x, (t, _) => (t - Row(standardize.Mean)) / Row(standardize.Std), seed);

        var scale = new MinMaxScale<T>(m, -0.5, 2);
        scale.Fit(samples);
        Proof.Layer(scale, x, (t, _) => (t - Row(scale.DataMin)) / (Row(scale.DataMax) - Row(scale.DataMin)) * 2.5 - 0.5, seed);

        var impute = new Impute<T>(m, addIndicator: seed % 2 == 0);
        impute.Fit(samples);
        var gaps = x.MapIndexed((i, j, value) => (i + j + seed) % 3 == 0 ? T.NaN : value, Zeros.Include);
        Proof.Layer(impute, gaps, (t, _) =>
        {
            var filled = where(t.isnan(), Row(impute.Fill), t);
            return impute.AddIndicator ? cat([filled, t.detach().isnan().to(t.dtype)], 1) : filled;
        }, seed, finiteDifferences: false);     // NaN cannot be moved
        Proof.Layer(impute, x, (t, _) => impute.AddIndicator ? cat([t, zeros_like(t)], 1) : t * 1, seed);
    });

    [NeedsTorch]
    [Fact]
    public void The_gradient_of_what_passes_OneHot_agrees_with_PyTorch() => Any.Shape.ForAll(shape =>
    {
        var random = new Random(shape.Seed);
        int[] classes = [.. Enumerable.Range(0, shape.Columns).Select(_ => random.Next(4))];
        var x = Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed).MapIndexed((_, j, value) => classes[j] == 0 ? value : T.CreateChecked(random.Next(classes[j])), Zeros.Include);
        // A class cannot be moved a little: no finite differences.
        Proof.Layer(new OneHot<T>(classes), x, (t, _) => t.sum() * 0 + cat([.. classes.Select((count, j) => count == 0
            ? t.narrow(1, j, 1)
            : nn.functional.one_hot(t.detach().narrow(1, j, 1).squeeze(1).to(int64), count).to(t.dtype))], 1), shape.Seed, finiteDifferences: false);
    });

    [Fact]
    public void NaN_that_was_filled_does_not_come_back_with_the_gradient()
    {
        var layer = new Impute<T>(1, ImputeStrategy.Constant, 3);
        var pass = layer.NewPass();
        layer.Forward(Matrix<T>.Build.Dense(2, 1, [T.NaN, T.One]), pass).Enumerate().Should().Equal(T.CreateChecked(3), T.One);
        layer.Backward(pass, Matrix<T>.Build.Dense(2, 1, T.NaN)).Enumerate().Should().Equal(T.Zero, T.NaN);
    }

    [Fact]
    public void A_steady_step_allocates_nothing()
    {
        var x = Any.Matrix<T>(7, 3, 1);
        foreach (var make in Fittable(3))
        {
            var layer = make();
            layer.Fit(x);
            Allocation.Of(layer, x).Should().Be(0);
        }

        Allocation.Of(new OneHot<T>([2, 0, 3]), Matrix<T>.Build.Dense(7, 3, (i, _) => T.CreateChecked(i % 2))).Should().Be(0);
    }

    [Fact]
    public void A_network_is_fitted_as_a_whole_and_its_file_holds_what_was_found()
    {
        var x = Matrix<T>.Build.Dense(12, 4, (i, j) => j == 3 ? T.CreateChecked(i % 3) : (i * 5 + j) % 7 == 0 ? T.NaN : T.CreateChecked((i * 3 + j * j) % 11));
        var (model, again) = (Network(), Network());
        model.FitPreprocessing(x);
        var numbers = ((Concat<T>)model["prepare"])["numbers"];
        var filled = numbers.Children[1].Layer.Forward(x.SubMatrix(0, 12, 0, 3));
        ((Standardize<T>)numbers.Children[2].Layer).Mean.Values.ToArray().Should().Equal(Fitted(filled).Mean.Values.ToArray(), "each is fitted to what comes out of those before it");
        model.NamedBuffers().Select(named => named.Name).Should().Equal("prepare.numbers.impute.n_samples_seen", "prepare.numbers.impute.fill", "prepare.numbers.scale.n_samples_seen", "prepare.numbers.scale.mean", "prepare.numbers.scale.std");

        var unfitted = () => again.Forward(x);
        unfitted.Should().Throw<InvalidOperationException>().WithMessage("Impute(3, median, indicator) expects to be fitted before it is used, but is not: call Fit or FitPreprocessing with training samples, or Load a file.");
        using var stream = new MemoryStream();
        model.Save(stream);
        stream.Position = 0;
        again.Load(stream);
        again.Forward(x).Should().Be(model.Forward(x));
        model.Forward(x).Should().Be(model.Forward(x, model.NewPass()), "training and evaluation prepare alike");

        static Sequential<T> Network() => new()
        {
            {
                "prepare", new Concat<T>
                {
                    { "numbers", new Sequential<T> { { "take", new Columns<T>(0, 3) }, { "impute", new Impute<T>(3, ImputeStrategy.Median, addIndicator: true) }, { "scale", new Standardize<T>(6) } } },
                    { "kind", new Sequential<T> { new Columns<T>(3, 1), new OneHot<T>([3]) } },
                }
            },
            { "out", new Linear<T>(9, 2, generator: new Generator(1)) },
        };

        static Standardize<T> Fitted(Matrix<T> x)
        {
            var layer = new Standardize<T>(x.ColumnCount);
            layer.Fit(x);
            return layer;
        }
    }

    [Fact]
    public void What_is_refused_changes_nothing()
    {
        foreach (var make in Fittable(2))
        {
            var layer = make();
            layer.Fit(Any.Matrix<T>(5, 2, 1));
            var before = layer.NamedBuffers().Select(named => named.Buffer.Values.ToArray()).ToArray();
            var bad = Any.Matrix<T>(6, 2, 2);
            bad[5, 1] = T.PositiveInfinity;
            layer.Invoking(one => one.Fit(bad)).Should().Throw<ArgumentException>().WithMessage($"{layer} expects to be fitted to finite values*, but row 5, column 1 is Infinity.");
            layer.Invoking(one => one.Fit(Enumerable.Range(0, 6).Select(i => bad.Row(i).ToArray()))).Should().Throw<ArgumentException>().WithMessage($"{layer} expects to be fitted to finite values*, but row 5, column 1 is Infinity.");
            foreach (var (named, values) in layer.NamedBuffers().Zip(before)) named.Buffer.Values.ToArray().Should().Equal(values);
            layer.SamplesSeen.Value.Should().Be(5);
        }
    }

    internal static Func<Preprocessing<T>>[] Fittable(int columns) =>
    [
        () => new Standardize<T>(columns), () => new MinMaxScale<T>(columns, -1, 2), () => new Impute<T>(columns), () => new Impute<T>(columns, ImputeStrategy.Median),
        () => new Impute<T>(columns, ImputeStrategy.MostFrequent, addIndicator: true), () => new Impute<T>(columns, ImputeStrategy.Constant, -1.5),
    ];

    private static Tensor Row(VectorBuffer<T> buffer) => Proof.Tensor(buffer.Value.ToRowMatrix());
}

public sealed class PreprocessingDoubleTests : PreprocessingTests<double>
{
    [Fact]
    public void They_write_themselves()
    {
        $"{new Standardize<double>(3)}".Should().Be("Standardize(3)");
        $"{new Standardize<double>(3, allowConstant: true)}".Should().Be("Standardize(3, allow constant)");
        $"{new MinMaxScale<double>(3)}".Should().Be("MinMaxScale(3)");
        $"{new MinMaxScale<double>(3, -1, 2.5)}".Should().Be("MinMaxScale(3, -1 to 2.5)");
        $"{new Impute<double>(3, ImputeStrategy.Constant, -0.5)}".Should().Be("Impute(3, constant -0.5)");
        $"{new Impute<double>(3, ImputeStrategy.MostFrequent, addIndicator: true)}".Should().Be("Impute(3, most frequent, indicator)");
        $"{new OneHot<double>([0, 3], allowUnknown: true)}".Should().Be("OneHot([0, 3], allow unknown)");
        new Impute<double>(3, addIndicator: true).OutputColumns(3).Should().Be(6);
        new OneHot<double>([0, 3, 1]).OutputColumns(3).Should().Be(5);
    }

    [Fact]
    public void Bad_samples_and_bad_input_are_named()
    {
        var x = Any.Matrix<double>(4, 2, 1);
        var constant = x.Clone();
        constant.SetColumn(1, [5.5, 5.5, 5.5, 5.5]);
        var gap = x.Clone();
        gap[2, 1] = double.NaN;
        var empty = Matrix<double>.Build.Dense(4, 2, (_, j) => j == 0 ? double.NaN : 1);
        Refused(() => new Standardize<double>(2).Fit(constant), "Standardize(2) expects to be fitted to columns that change, but column 1 is 5.5 in all 4 rows: leave it out, or with allowConstant: true it becomes 0.");
        Refused(() => new MinMaxScale<double>(2, -1).Fit(constant.SubMatrix(0, 1, 0, 2)), "MinMaxScale(2, -1 to 1) expects to be fitted to columns that change, but column 0 is * in the only row: leave it out, or with allowConstant: true it becomes -1.");
        Refused(() => new Standardize<double>(2).Fit(gap), "Standardize(2) expects to be fitted to finite values, but row 2, column 1 is NaN; Impute fills gaps.");
        Refused(() => new MinMaxScale<double>(1).Fit(Matrix<double>.Build.Dense(2, 1, [-double.MaxValue, double.MaxValue])), "MinMaxScale(1) expects columns whose range is a number, but column 0 goes from -1.7976931348623157E+308 to 1.7976931348623157E+308.");
        Refused(() => new Impute<double>(2).Fit(empty), "Impute(2, mean) expects to be fitted to at least one value in each column, but column 0 is NaN in all 4 rows: leave it out, or fill it with a constant.");
        new Impute<double>(2, ImputeStrategy.Constant).Fit(empty);
        Refused(() => new Standardize<double>(3).Fit(x), "Standardize(3) expects to be fitted to 3 columns and at least one row, but x is 4x2. (Parameter 'x')");
        Refused(() => new Standardize<double>(2).Fit(Matrix<double>.Build.Dense(0, 2)), "Standardize(2) expects to be fitted to 2 columns and at least one row, but x is 0x2. (Parameter 'x')");
        Refused(() => new Standardize<double>(2).Fit([]), "Standardize(2) expects to be fitted to at least one row, but there is none. (Parameter 'rows')");
        Refused(() => new Standardize<double>(2).Fit([[1.0, 2], [3.0]]), "Standardize(2) expects to be fitted to rows of 2 values, but row 1 has 1. (Parameter 'rows')");
        Refused(() => new Standardize<double>(2).Fit([null!]), "*(Parameter 'rows')");
        Refused(() => new Standardize<double>(2).Fit(Matrix<double>.Build.Sparse(2, 2)), "Standardize(2) expects a dense matrix, but x is a 2x2 *");
        Refused(() => new OneHot<double>([0, 3]).Forward(Matrix<double>.Build.DenseOfRowMajor(2, 2, [9, 2, 9, 3])), "OneHot([0, 3]) expects whole numbers from 0 to 2, but x has 3 in row 1, column 1; with allowUnknown: true it becomes zeros. (Parameter 'x')");
        foreach (var (none, text) in ((double, string)[])[(-1, "-1"), (0.5, "0.5"), (double.NaN, "NaN"), (1e30, "1E+30")])
            Refused(() => new OneHot<double>([3]).Forward(Matrix<double>.Build.Dense(1, 1, none)), $"OneHot([3]) expects whole numbers from 0 to 2, but x has {text} in row 0, column 0; *");
        Refused(() => _ = new OneHot<double>([]), "OneHot expects at least one column, but there is none. (Parameter 'classes')");
        Refused(() => _ = new OneHot<double>([2, -1]), "OneHot expects a number of classes for each column, or 0 where it passes, but for column 1 it is -1. (Parameter 'classes')");
        Refused(() => _ = new Standardize<double>(0), "Standardize(0) expects numFeatures to be at least 1.*");
        Refused(() => _ = new MinMaxScale<double>(2, 1, 1), "MinMaxScale(2) expects max to be finite and above 1, but it is 1. (Parameter 'max')");
        Refused(() => _ = new Impute<double>(2, (ImputeStrategy)7), "Impute(2) expects strategy to be one of Mean, Median, MostFrequent, Constant, but it is 7. (Parameter 'strategy')");
        Refused(() => _ = new Impute<double>(2, fillValue: double.NaN), "Impute(2) expects fillValue to be finite, but it is NaN. (Parameter 'fillValue')");
        Refused(() => new Residual<double>(new Standardize<double>(2)).FitPreprocessing(x), "FitPreprocessing expects what is to be fitted in Sequential, Concat or Sum, but it stands in Residual(Standardize(2)); fit that by itself. (Parameter 'layer')");
        var unfitted = () => new Standardize<double>(2).Invert(x);
        unfitted.Should().Throw<InvalidOperationException>().WithMessage("Standardize(2) expects to be fitted before it is used*");

        static void Refused(Action act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }

    [Fact]
    public void What_stands_behind_the_last_that_is_fitted_does_not_run()
    {
        var runs = 0;
        var model = new Sequential<double>
        {
            { "in", new Sequential<double> { { "scale", new Standardize<double>(2) }, { "behind", new Hook<double>(() => runs++) } } },
            { "hidden", new Hook<double>(() => runs++) }, { "output", new Hook<double>(() => runs++) },
        };
        model.FitPreprocessing(Any.Matrix<double>(5, 2, 1));
        runs.Should().Be(0);
        model.Forward(Any.Matrix<double>(5, 2, 1));
        runs.Should().Be(3);
    }

    [Fact]
    public void A_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle()
    {
        var layer = new Impute<double>(1, ImputeStrategy.Median);
        layer.Fit(Matrix<double>.Build.DenseOfColumnArrays([8, double.NaN, 1, 2, 4]));
        layer.Forward(Matrix<double>.Build.Dense(1, 1, double.NaN))[0, 0].Should().Be(3);
    }

    [Fact]
    public void A_deviation_whose_square_is_smaller_than_any_number_divides_by_1()
    {
        var layer = new Standardize<double>(1);
        layer.Fit(Matrix<double>.Build.DenseOfColumnArrays([0, 1e-200, 3e-200]));
        layer.Std.Values.ToArray().Should().Equal(1);
        layer.Forward(Matrix<double>.Build.Dense(1, 1, 1.0))[0, 0].Should().Be(1);
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_not_laid_to_gaps_that_were_filled()
    {
        var x = Matrix<double>.Build.DenseOfRowMajor(3, 1, [1, double.NaN, 4]);
        var model = new Sequential<double> { { "impute", new Impute<double>(1) }, { "out", new Linear<double>(1, 1) } };
        model.FitPreprocessing(x);
        ((Linear<double>)model["out"]).Weight.Value[0, 0] = double.MaxValue;
        var trainer = new Trainer<double>(model, new MSELoss<double>(), new SGD<double>(model.Parameters, 0.1), new(x, x.Map(_ => 0.0), 3));
        trainer.Invoking(one => one.Fit(1)).Should().Throw<NotFiniteNumberException>().WithMessage("*it began in \"out\", Linear(1 -> 1).*");
    }
}

public sealed class PreprocessingSingleTests : PreprocessingTests<float>;
