using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class ServingTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static Sequential<T> Network(int seed = 1) => new()
    {
        { "hidden", new Linear<T>(5, 4, generator: new Generator(seed)) }, { "norm", new BatchNorm1d<T>(4) },
        { "block", new Residual<T>(new Sequential<T>(new Linear<T>(4, 4, generator: new Generator(seed + 1)), new Tanh<T>())) }, { "dropout", new Dropout<T>() },
        { "output", new Linear<T>(4, 2, generator: new Generator(seed + 2)) },
    };

    [Fact]
    public void Predictions_are_those_of_Forward_and_allocate_nothing()
    {
        var (model, x) = (Network(), Any.Matrix<T>(7, 5, 1));
        var (expected, result, one) = (model.Forward(x), Matrix<T>.Build.Dense(7, 2), new T[2]);
        model.Predict(x, result);
        result.Should().Be(expected);
        model.Predict(x.Row(3).ToArray(), one);
        one.Should().Equal(expected.Row(3).ToArray());
        var row = x.Row(3).ToArray();
        Allocation.Least(() =>
        {
            model.Predict(x, result);
            model.Predict(row, one);
        }).Should().Be(0);

        model.Add("more", new Linear<T>(2, 2, generator: new Generator(9)));
        model.Predict(x, result);
        result.Should().Be(model.Forward(x), "the network has grown since");
    }

    [Fact]
    public void Many_threads_predict_at_once()
    {
        var (model, inputs) = (Network(), Enumerable.Range(0, 8).Select(i => Any.Matrix<T>(3 + i, 5, i)).ToArray());
        var expected = inputs.Select(x => model.Forward(x)).ToArray();
        Parallel.For(0, 2000, i =>
        {
            var result = Matrix<T>.Build.Dense(inputs[i % 8].RowCount, 2);
            model.Predict(inputs[i % 8], result);
            if (!result.Equals(expected[i % 8])) throw new InvalidOperationException($"Prediction {i} is another one.");
        });
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_the_next_prediction_is_right()
    {
        var (model, x, result) = (Network(), Any.Matrix<T>(7, 5, 1), Matrix<T>.Build.Dense(7, 2));
        foreach (var (predict, message) in new (Action, string)[]
        {
            (() => model.Predict(Any.Matrix<T>(7, 4, 1), result), "hidden: Linear(5 -> 4) expects 5 input columns, but x is 7x4. (Parameter 'x')"),
            (() => model.Predict(x, Matrix<T>.Build.Dense(6, 2)), "Sequential(*) expects result to be 7x2, but it is 6x2. (Parameter 'result')"),
            (() => model.Predict(x, Matrix<T>.Build.Sparse(7, 2)), "* expects a dense matrix, but result is a 7x2 SparseMatrix*"),
            (() => model.Predict(null!, result), "*(Parameter 'x')"),
            (() => model.Predict(x, null!), "*(Parameter 'result')"),
            (() => model.Predict(new T[5], new T[3]), "Sequential(*) expects result to have 2 values, but it has 3. (Parameter 'result')"),
            (() => model.Predict(new T[4], new T[2]), "hidden: Linear(5 -> 4) expects 5 input columns, but x is 1x4. (Parameter 'x')"),
        })
            predict.Should().Throw<ArgumentException>().WithMessage(message);
        model.Predict(x, result);
        result.Should().Be(model.Forward(x));
    }

    [Fact]
    public void Values_are_copied_to_a_model_that_is_built_alike()
    {
        var (model, other) = (Network(), Network(seed: 7));
        model.Forward(Any.Matrix<T>(7, 5, 1), model.NewPass());
        model.CopyTo(other);
        Runs.Model(other).Should().Be(Runs.Model(model));
        var narrow = new Sequential<T> { { "hidden", new Linear<T>(5, 3) } };
        model.Invoking(m => m.CopyTo(narrow)).Should().Throw<ArgumentException>().WithMessage("CopyTo expects a model with the same parameters and buffers as Sequential(*), but Sequential(*) has others. (Parameter 'other')");
    }

    [Fact]
    public void A_summary_tells_layers_shapes_and_parameters()
    {
        var model = Network();
        model["hidden"].Freeze();
        model.Summary(Any.Matrix<T>(7, 5, 1)).Should().Be(
            $"""
            layer                      output  parameters
                       Sequential      7x2
              hidden   Linear(5 -> 4)  7x4             24  frozen
              norm     BatchNorm1d(4)  7x4              8
              block    Residual        7x4
                f      Sequential      7x4
                  0    Linear(4 -> 4)  7x4             20
                  1    Tanh()          7x4
              dropout  Dropout(0.5)    7x4
              output   Linear(4 -> 2)  7x2             10
            62 parameters, 38 that learn and 24 frozen: {(typeof(T) == typeof(float) ? 248 : 496)} bytes
            """.ReplaceLineEndings("\n"));
        model.Summary().Should().NotContain("7x2");
        var table = new Embedding<T>(1000, 3);
        new Sequential<T> { { "in", table }, { "out", new Linear<T>(table.Weight) } }.Summary().Should().EndWith($"3,000 parameters, 3,000 that learn and 0 frozen: {(typeof(T) == typeof(float) ? "12,000" : "24,000")} bytes");
    }
}

public sealed class ServingDoubleTests : ServingTests<double>;

public sealed class ServingSingleTests : ServingTests<float>;
