using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests.Serving;

/// <summary>A predictor is held against Forward: the same bits, whatever the network, the batch, the layout and the number of threads.</summary>
public abstract class PredictorTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    // Panels of 2 to 32 outputs, whole and not; rows that leave tiles of every width, more than one block of them; chains that are cut at 256 links; strides that are multiples of a page.
    private static readonly int[][] Sizes = [[1, 1, 1], [2, 8, 1], [5, 3], [17, 33, 5], [64, 32, 10], [3, 130, 70, 4], [300, 67, 257, 3], [512, 256, 10], [784, 128, 10]];

    private static readonly int[] Rows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 19, 31, 47, 97, 203];

    private static Sequential<T> Network(int[] sizes, int seed = 1)
    {
        var (generator, model) = (new Generator(seed), new Sequential<T>());
        for (var i = 1; i < sizes.Length; i++)
        {
            if (i > 1) model.Add(i % 2 == 0 ? new Tanh<T>() : new LeakyReLU<T>());
            model.Add(new Linear<T>(sizes[i - 1], sizes[i], bias: i != 2, generator: generator));
        }

        return model;
    }

    private static void SameAsForward(Layer<T> model, Matrix<T> x, Predictor<T>? predictor = null)
    {
        predictor ??= model.ToPredictor(x.ColumnCount);
        var expected = model.Forward(x);
        predictor.Predict(x).Should().Be(expected, "{0} of {1} rows, as a matrix", model, x.RowCount);
        var result = new T[expected.RowCount * expected.ColumnCount];
        Array.Fill(result, T.NaN);
        predictor.Predict(x.ToRowMajorArray(), result);
        result.Should().Equal(expected.ToRowMajorArray(), "{0} of {1} rows, as spans", model, x.RowCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void It_has_the_bits_of_Forward(int threads)
    {
        using var _ = Threads.Of(threads);
        foreach (var sizes in Sizes)
        {
            var model = Network(sizes);
            var predictor = model.ToPredictor();
            foreach (var rows in Rows) SameAsForward(model, Any.Matrix<T>(rows, sizes[0], rows), predictor);
        }
    }

    [Fact]
    public void Every_layer_has_its_place_between_linear_ones()
    {
        foreach (var kind in Everything.Layers.Where(layer => layer.InputColumns is null or 3 && layer is not OneHot<double> and not Embedding<double>))
        {
            var layer = kind.Clone();
            if (layer is Preprocessing<double> preprocessing) preprocessing.Fit(Any.Matrix<double>(9, 3, 5));
            var inner = new Sequential<double>(new Linear<double>(4, 3, generator: new Generator(1)), layer);
            var model = new Sequential<double>(inner, new Linear<double>(inner.OutputColumns(4), 2, generator: new Generator(2)), new ReLU<double>());
            foreach (var rows in new[] { 1, 7 })
            {
                var (x, result) = (Any.Matrix<double>(rows, 4, 3), new double[2 * rows]);
                var expected = model.Forward(x);
                var predictor = model.ToPredictor();
                predictor.Predict(x).Should().Be(expected, "{0} is within", layer);
                predictor.Predict(x.ToRowMajorArray(), result);
                result.Should().Equal(expected.ToRowMajorArray(), "{0} is within", layer);
                layer.ToPredictor(3).Predict(x.SubMatrix(0, rows, 0, 3)).Should().Be(layer.Forward(x.SubMatrix(0, rows, 0, 3)), "it is {0}", layer);
            }
        }
    }

    [Fact]
    public void Tokens_go_in_and_what_is_not_finite_comes_out()
    {
        var model = new Sequential<T>(new Embedding<T>(7, 3, generator: new Generator(1)), new Linear<T>(6, 4, generator: new Generator(2)), new Softmax<T>());
        SameAsForward(model, Matrix<T>.Build.Dense(5, 2, (i, j) => T.CreateChecked((3 * i + j) % 7)));

        var network = Network([3, 20, 2]);
        var x = Any.Matrix<T>(9, 3, 1);
        (x[1, 0], x[4, 2], x[8, 1]) = (T.NaN, T.PositiveInfinity, T.NegativeInfinity);
        SameAsForward(network, x);
        network.Parameters[0].Values[2] = T.NaN;
        SameAsForward(network, x);
    }

    [Fact]
    public void Nested_shared_empty_and_random_layers_are_as_in_Forward()
    {
        var shared = new Linear<T>(3, 3, generator: new Generator(1));
        var x = Any.Matrix<T>(5, 3, 2);
        SameAsForward(new Sequential<T>(shared, new Sequential<T>(new Tanh<T>(), shared), new Residual<T>(new Sequential<T>(shared, new SiLU<T>())), new Dropout<T>(), shared), x);
        SameAsForward(new Sequential<T>(), x);
        SameAsForward(new Dropout<T>(), x);
        SameAsForward(new Sequential<T>(new Tanh<T>(), new Sigmoid<T>(), shared), x);
        SameAsForward(shared, x);
    }

    [Fact]
    public void It_sees_nothing_of_training_until_it_is_refreshed()
    {
        var model = new Sequential<T>(new Linear<T>(3, 4, generator: new Generator(1)), new BatchNorm1d<T>(4), new Tanh<T>(), new Linear<T>(4, 1, generator: new Generator(2)));
        var (x, predictor) = (Any.Matrix<T>(9, 3, 1), model.ToPredictor());
        var before = model.Forward(x);
        var pass = model.NewPass();
        model.Forward(x, pass);
        foreach (var parameter in model.Parameters) parameter.Values.Fill(T.CreateChecked(0.25));
        predictor.Predict(x).Should().Be(before);
        predictor.Refresh();
        predictor.Predict(x).Should().Be(model.Forward(x)).And.NotBe(before);
    }

    [Fact]
    public async Task Refreshed_amid_predictions_it_gives_the_old_or_the_new()
    {
        var model = Network([20, 50, 3]);
        var (x, predictor) = (Any.Matrix<T>(1, 20, 1), model.ToPredictor());
        var row = x.ToRowMajorArray();
        T[][] weights = [model.Parameters[0].Values.ToArray(), [.. model.Parameters[0].Values.ToArray().Select(value => value + T.One)]];
        var expected = weights.Select(values =>
        {
            values.CopyTo(model.Parameters[0].Values);
            return model.Forward(x).ToRowMajorArray();
        }).ToArray();
        predictor.Refresh();

        using var stop = new CancellationTokenSource();
        var others = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            var (result, seen) = (new T[3], new HashSet<int>());
            while (!stop.IsCancellationRequested)
            {
                predictor.Predict(row, result);
                seen.Add(Array.FindIndex(expected, values => values.AsSpan().SequenceEqual(result)));
            }

            return seen;
        })).ToArray();
        for (var i = 0; i < 2000; i++)
        {
            weights[i % 2].CopyTo(model.Parameters[0].Values);
            predictor.Refresh();
        }

        await stop.CancelAsync();
        foreach (var seen in await Task.WhenAll(others)) seen.Should().BeSubsetOf([0, 1]);
    }

    [Fact]
    public void Many_threads_predict_at_once_and_nothing_is_allocated()
    {
        var model = new Sequential<T>(Network([6, 40, 5]), new Softmax<T>(), Network([5, 4]));
        var predictor = model.ToPredictor();
        var inputs = Enumerable.Range(0, 8).Select(i => Any.Matrix<T>(1 + 3 * i, 6, i)).ToArray();
        var expected = inputs.Select(x => model.Forward(x)).ToArray();
        Parallel.For(0, 2000, i => predictor.Predict(inputs[i % 8]).Equals(expected[i % 8]).Should().BeTrue());

        var (result, row, one) = (expected[3].Clone(), inputs[0].ToRowMajorArray(), new T[4]);
        Allocation.Least(() =>
        {
            predictor.Predict(inputs[3], result);
            predictor.Predict(row, one);
        }).Should().Be(0);
    }

    [Fact]
    public void Folded_batch_normalisation_is_close_and_said()
    {
        var model = new Sequential<T>(new Linear<T>(3, 5, bias: false, generator: new Generator(1)), new BatchNorm1d<T>(5), new ReLU<T>(), new Linear<T>(5, 4, generator: new Generator(2)), new BatchNorm1d<T>(4, affine: false));
        var (x, pass) = (Any.Matrix<T>(19, 3, 1), model.NewPass());
        for (var i = 0; i < 5; i++) model.Forward(x, pass);
        Any.Vector<T>(5, 3).ToArray().CopyTo(model.Parameters[1].Values);
        Any.Vector<T>(5, 4).ToArray().CopyTo(model.Parameters[2].Values);

        model.ToPredictor().FoldsBatchNorm.Should().BeFalse();
        SameAsForward(model, x);
        var folded = model.ToPredictor(foldBatchNorm: true);
        folded.FoldsBatchNorm.Should().BeTrue();
        var difference = (folded.Predict(x) - model.Forward(x)).Enumerate().Max(value => Math.Abs(double.CreateChecked(value)));
        difference.Should().BeGreaterThan(0).And.BeLessThan(typeof(T) == typeof(float) ? 1e-5 : 1e-13);
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_says_so()
    {
        var (predictor, x) = (Network([3, 4, 2]).ToPredictor(), Any.Matrix<T>(5, 3, 1));
        var buffer = new T[20];
        foreach (var (act, message) in new (Action, string)[]
        {
            (() => predictor.Predict(new T[4], new T[2]), "Predictor of Sequential(*) expects x to have 3 values for each sample, but it has 4. (Parameter 'x')"),
            (() => predictor.Predict(new T[6], new T[5]), "Predictor of Sequential(*) expects result to have 4 values for 2 samples, but it has 5. (Parameter 'result')"),
            (() => predictor.Predict(new T[3], []), "Predictor of Sequential(*) expects result to have 2 values for 1 sample, but it has 0. (Parameter 'result')"),
            (() => predictor.Predict(buffer.AsSpan(0, 6), buffer.AsSpan(5, 4)), "Predictor of Sequential(*) expects result to lie apart from x, but they overlap. (Parameter 'result')"),
            (() => predictor.Predict(null!), "*(Parameter 'x')"),
            (() => predictor.Predict(Any.Matrix<T>(5, 4, 1)), "Predictor of Sequential(*) expects 3 input columns, but x is 5x4. (Parameter 'x')"),
            (() => predictor.Predict(Matrix<T>.Build.Sparse(5, 3)), "Predictor of Sequential(*) expects a dense matrix, but x is a 5x3 SparseMatrix*"),
            (() => predictor.Predict(x, Matrix<T>.Build.Dense(5, 3)), "Predictor of Sequential(*) expects result to be 5x2, but it is 5x3. (Parameter 'result')"),
            (() => predictor.Predict(x, null!), "*(Parameter 'result')"),
            (() => new Tanh<T>().ToPredictor(), "Tanh() takes any number of columns, so a predictor of it must be told: ToPredictor(inputColumns). (Parameter 'inputColumns')"),
            (() => new Tanh<T>().ToPredictor(0), "A predictor of Tanh() expects inputColumns to be at least 1.*"),
            (() => Network([3, 2]).ToPredictor(4), "*Linear(3 -> 2) expects 3 input columns*4*"),
            (() => new Sequential<T>(new Linear<T>(3, 2), new Linear<T>(3, 2)).ToPredictor(), "*1: Linear(3 -> 2) expects 3 input columns, but *"),
        })
            act.Should().Throw<ArgumentException>().WithMessage(message);
        predictor.Invoking(p => p.Predict([], [])).Should().NotThrow("no sample is no work");

        var square = new Sequential<T>(new Tanh<T>()).ToPredictor(3);
        square.Invoking(p => p.Predict(x, x)).Should().Throw<ArgumentException>().WithMessage("Predictor of Sequential(0: Tanh()) expects result to be another matrix than x, but it is the same. (Parameter 'result')");
    }

    [Fact]
    public void A_formula_may_call_the_library_amid_a_prediction()
    {
        var inner = Network([8, 24, 8]).ToPredictor();
        var wide = new Linear<T>(16, 3000, generator: new Generator(1)).ToPredictor();
        var (layer, few) = (new Linear<T>(100, 100, generator: new Generator(2)), Any.Matrix<T>(7, 100, 1));
        var (x, y, xs, ys, most) = (new T[8], new T[8], new T[16 * 96], new T[3000 * 96], Any.Matrix<T>(50, 100, 2));
        var model = new Sequential<T>(new Linear<T>(20, 40, generator: new Generator(3)), new Calling<T>(() =>
        {
            inner.Predict(x, y);
            wide.Predict(xs, ys);
            layer.Forward(few);
            layer.Forward(most);
        }), new Linear<T>(40, 3, generator: new Generator(4)));
        foreach (var rows in new[] { 1, 7, 31 }) SameAsForward(model, Any.Matrix<T>(rows, 20, rows));
    }

    [Fact]
    public void Rows_that_become_more_fewer_or_none_are_those_of_the_snapshot()
    {
        foreach (var (rows, change) in new[] { (0, 0), (1, -1), (2, -2), (0, 1), (3, 4), (5, -2) })
        {
            SameAsForward(new Sequential<T>(new Linear<T>(3, 4, generator: new Generator(1)), new Rows<T>(change)), Any.Matrix<T>(rows, 3, 1));
            SameAsForward(new Sequential<T>(new Rows<T>(change), new Linear<T>(3, 4, generator: new Generator(1)), new Tanh<T>()), Any.Matrix<T>(rows, 3, 1));
        }

        var model = new Sequential<T>(new Linear<T>(3, 4, generator: new Generator(1)), new Rows<T>(1));
        var (predictor, x) = (model.ToPredictor(), Any.Matrix<T>(2, 3, 1));
        var before = model.Forward(x);
        model.Add(new Rows<T>(3));
        predictor.Predict(x).Should().Be(before, "it was not told of the layer that came later");
        predictor.Refresh();
        predictor.Predict(x).Should().Be(model.Forward(x));
    }

    [Fact]
    public void What_a_layer_refuses_or_does_wrong_comes_out_with_its_name()
    {
        var model = new Sequential<T> { { "first", new Tanh<T>() }, { "tokens", new Sequential<T> { { "table", new Embedding<T>(4, 3, generator: new Generator(1)) } } }, { "last", new Linear<T>(3, 2, generator: new Generator(2)) } };
        var predictor = model.ToPredictor(1);
        predictor.Invoking(p => p.Predict([T.CreateChecked(0.5)], new T[2])).Should().Throw<ArgumentException>().WithMessage("tokens.table: Embedding(4, 3) expects *");
        new Linear<T>(3, 4).Invoking(layer => layer.ToPredictor(7)).Should().Throw<ArgumentException>().WithMessage("Linear(3 -> 4) expects 3 input columns, but x is to have 7. (Parameter 'x')");
        new BatchNorm1d<T>(3).Invoking(layer => layer.ToPredictor(7)).Should().Throw<ArgumentException>().WithMessage("BatchNorm1d(3) expects 3 input columns, but x is to have 7. (Parameter 'x')");
        new Rows<T>(-9).ToPredictor(3).Invoking(p => p.Predict(Any.Matrix<T>(2, 3, 1))).Should().Throw<InvalidOperationException>().WithMessage("Rows() says OutputRows(2) is negative.");
    }

    [Fact]
    public void A_model_that_has_grown_is_taken_as_it_is_or_refused()
    {
        var model = Network([3, 4]);
        var (predictor, x) = (model.ToPredictor(), Any.Matrix<T>(5, 3, 1));
        model.Add(new Sigmoid<T>());
        predictor.Refresh();
        predictor.Predict(x).Should().Be(model.Forward(x));
        model.Add(new Linear<T>(4, 1));
        predictor.Invoking(p => p.Refresh()).Should().Throw<InvalidOperationException>().WithMessage("Predictor of Sequential(*) has given 4 columns, but the model now gives 1; make a new predictor.");
        predictor.OutputColumns.Should().Be(4, "it still serves what it did");
    }
}

/// <summary>A formula that does something else on the way.</summary>
public sealed class Calling<T>(Action act) : VectorizedActivation<T>(Of(new Function(act))) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly struct Function(Action act) : IFunction
    {
        public V Forward<V>(V x) where V : unmanaged, IVector<V, T>
        {
            act();
            return x * x;
        }

        public V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => dY * (x + x);
    }

    protected override object? CloneField(string field, object value) => value is Action ? value : base.CloneField(field, value);
}

/// <summary>Takes rows of ones from the front, or puts some there.</summary>
public sealed class Rows<T>(int change) : Layer<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    public override int OutputRows(int inputRows) => inputRows + change;

    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount + change, x.ColumnCount);
        for (var i = 0; i < y.RowCount; i++)
            for (var j = 0; j < y.ColumnCount; j++) y[i, j] = i < change ? T.One : x[i - change, j];
        return y;
    }

    protected override Matrix<T> BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => throw new NotSupportedException();
}

public sealed class PredictorDoubleTests : PredictorTests<double>;

public sealed class PredictorSingleTests : PredictorTests<float>;
