using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public abstract class SequentialTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    [Fact]
    public void Gradients_of_random_networks_agree_with_PyTorch_and_finite_differences() =>
        Gen.Select(Any.Size, Gen.Int[1, 8].Array[2, 5], Gen.Int[0, 1 << 30]).ForAll(@case =>
        {
            var (rows, widths, seed) = @case;
            var generator = new Generator(seed);
            var model = new Sequential<T>();
            for (var i = 0; i + 1 < widths.Length; i++)
            {
                if (i > 0) model.Add(new Sigmoid<T>());
                model.Add(new Linear<T>(widths[i], widths[i + 1], generator: generator));
            }

            Proof.Layer(model, Any.Matrix<T>(rows, widths[0], seed, 2), (x, p) =>
            {
                for (var i = 0; i < model.Children.Count; i++)
                    x = i % 2 == 1 ? torch.nn.functional.sigmoid(x) : torch.nn.functional.linear(x, p[$"{i}.weight"], p[$"{i}.bias"]);
                return x;
            }, seed);
        });

    [Fact]
    public void A_layer_that_stands_twice_gets_both_gradients()
    {
        var twice = new Linear<T>(3, 3, generator: new Generator(1));
        var model = new Sequential<T> { { "first", twice }, { "between", new Sigmoid<T>() }, { "second", twice } };
        model.Parameters.Should().Equal(twice.Weight, twice.Bias!);
        var (x, dY) = (Any.Matrix<T>(4, 3, 1), Any.Matrix<T>(4, 3, 2));
        var pass = model.NewPass();
        model.Forward(x, pass);
        model.Backward(pass, dY);

        using var scope = torch.NewDisposeScope();
        var (weight, bias, xTorch) = (Proof.Tensor(twice.Weight.Value).requires_grad_(), Proof.Tensor(twice.Bias!.Value.ToRowMatrix()).reshape(3).requires_grad_(), Proof.Tensor(x).requires_grad_());
        var y = torch.nn.functional.linear(torch.nn.functional.sigmoid(torch.nn.functional.linear(xTorch, weight, bias)), weight, bias);
        y.backward([Proof.Tensor(dY)]);
        Proof.Compare("Sequential, a layer twice", "dL/dweight", twice.Weight.Gradient, weight.grad!);
        Proof.Compare("Sequential, a layer twice", "dL/dx", pass.InputGradient!, xTorch.grad!);
    }

    [Fact]
    public void Accumulating_gradients_alone_gives_the_same_parameter_gradients()
    {
        var model = new Sequential<T>(new Linear<T>(5, 4, generator: new Generator(2)), new Sigmoid<T>(), new Linear<T>(4, 3, generator: new Generator(3)));
        var (x, dY, pass) = (Any.Matrix<T>(6, 5, 1), Any.Matrix<T>(6, 3, 2), model.NewPass());
        model.Forward(x, pass);
        model.Backward(pass, dY);
        var expected = model.Parameters.Select(parameter => parameter.Gradients.ToArray()).ToArray();
        foreach (var parameter in model.Parameters) parameter.ZeroGradient();
        model.AccumulateGradients(pass, dY);
        model.Parameters.Select(parameter => parameter.Gradients.ToArray()).Should().BeEquivalentTo(expected, options => options.WithStrictOrdering());
        pass.InputGradient.Should().BeNull("nobody needed it");
    }
}

public sealed class SequentialDoubleTests : SequentialTests<double>
{
    private static Linear<double> Linear(int inFeatures, int outFeatures) => new(inFeatures, outFeatures, generator: new Generator(inFeatures));

    [Fact]
    public void Layers_have_names_or_numbers_and_nest()
    {
        var model = new Sequential<double>
        {
            { "encoder", new Sequential<double>(Linear(4, 3), new Sigmoid<double>(), Linear(3, 2)) },
            new Sigmoid<double>(),
            { "head", Linear(2, 1) },
        };
        model.NamedParameters().Select(named => named.Name).Should().Equal("encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias", "head.weight", "head.bias");
        model["1"].Should().BeOfType<Sigmoid<double>>();
        model.Get<Linear<double>>("head").OutFeatures.Should().Be(1);
        model.ToString().Should().Be("Sequential(encoder: Sequential(0: Linear(4 -> 3), 1: Sigmoid(), 2: Linear(3 -> 2)), 1: Sigmoid(), head: Linear(2 -> 1))");

        var pass = model.NewPass();
        var y = model.Forward(Any.Matrix<double>(5, 4, 1), pass);
        pass["encoder"]["1"].Output.RowCount.Should().Be(5);
        pass["head"].Output.Should().BeSameAs(y);
        pass["head"].Input.Should().BeSameAs(pass["1"].Output);
    }

    [Fact]
    public void Names_are_checked()
    {
        var model = new Sequential<double> { { "hidden", Linear(1, 1) } };
        Invoking(() => model.Add("hidden", Linear(1, 1))).Should().Throw<ArgumentException>().WithMessage("The name \"hidden\" is taken;*");
        Invoking(() => model.Add("", Linear(1, 1))).Should().Throw<ArgumentException>();
        Invoking(() => model.Add("a.b", Linear(1, 1))).Should().Throw<ArgumentException>().WithMessage("*has a dot*");
        Invoking(() => model.Add("self", model)).Should().Throw<ArgumentException>().WithMessage("*contains*");
        Invoking(() => model.Add(null!)).Should().Throw<ArgumentNullException>();
        Invoking(() => _ = model["output"]).Should().Throw<KeyNotFoundException>().WithMessage("There is no layer \"output\" here; there is: hidden.");
        Invoking(() => model.Get<Sigmoid<double>>("hidden")).Should().Throw<InvalidCastException>().WithMessage("The layer \"hidden\" is Linear(1 -> 1), not a Sigmoid.");
        model.Children.Should().ContainSingle("what failed has changed nothing");
    }

    [Fact]
    public void Layers_that_do_not_fit_are_named_before_anything_is_computed()
    {
        var model = new Sequential<double> { { "hidden", Linear(3, 4) }, { "activation", new Sigmoid<double>() }, { "output", Linear(5, 1) } };
        var pass = model.NewPass();
        Invoking(() => model.Forward(Any.Matrix<double>(2, 3, 1), pass)).Should().Throw<ArgumentException>()
            .WithMessage("output: Linear(5 -> 1) expects 5 input columns, but the layer before gives 4. (Parameter 'x')");
        Invoking(() => pass["hidden"].Output).Should().Throw<InvalidOperationException>("nothing was computed");
        Invoking(() => model.Forward(Any.Matrix<double>(2, 7, 1))).Should().Throw<ArgumentException>()
            .WithMessage("hidden: Linear(3 -> 4) expects 3 input columns, but x is 2x7. (Parameter 'x')");
    }

    [Fact]
    public void Passes_are_checked()
    {
        var (one, other) = (Linear(3, 4), Linear(2, 3));
        Invoking(() => one.Forward(Any.Matrix<double>(2, 3, 1), other.NewPass())).Should().Throw<ArgumentException>()
            .WithMessage("Linear(3 -> 4) was given a pass that belongs to another layer, Linear(2 -> 3); make one with its own NewPass(). (Parameter 'pass')");
        Invoking(() => one.Backward(one.NewPass(), Any.Matrix<double>(2, 4, 1))).Should().Throw<InvalidOperationException>()
            .WithMessage("Linear(3 -> 4) has not run forward with this pass yet: call Forward(x, pass) first.");
        var pass = one.NewPass();
        one.Forward(Any.Matrix<double>(2, 3, 1), pass);
        Invoking(() => one.Backward(pass, Any.Matrix<double>(2, 5, 1))).Should().Throw<ArgumentException>()
            .WithMessage("Linear(3 -> 4) expects dY to be 2x4, but it is 2x5. (Parameter 'dY')");
        one.Weight.Gradient.Enumerate().Should().OnlyContain(value => value == 0);

        var grown = new Sequential<double>(one);
        var early = grown.NewPass();
        grown.Add(new Sigmoid<double>());
        Invoking(() => grown.Forward(Any.Matrix<double>(2, 3, 1), early)).Should().Throw<ArgumentException>().WithMessage("*made when it had 1 layer;*");
    }

    [Fact]
    public void Bad_matrices_are_refused()
    {
        var linear = Linear(2, 3);
        Invoking(() => linear.Forward((Matrix<double>)null!)).Should().Throw<ArgumentNullException>().WithParameterName("x");
        Invoking(() => linear.Forward((Vector<double>)null!)).Should().Throw<ArgumentNullException>().WithParameterName("x");
        Invoking(() => linear.Forward(Any.Matrix<double>(2, 2, 1), null!)).Should().Throw<ArgumentNullException>().WithParameterName("pass");
        Invoking(() => linear.Forward(Matrix<double>.Build.Sparse(2, 2))).Should().Throw<ArgumentException>()
            .WithMessage("Linear(2 -> 3) expects a dense matrix, but x is a 2x2 SparseMatrix; copy it with Matrix<Double>.Build.DenseOfMatrix(x). (Parameter 'x')");
        Invoking(() => linear.Forward(Matrix<double>.Build.Diagonal(2, 2))).Should().Throw<ArgumentException>().WithMessage("*DiagonalMatrix*");
        Invoking(() => linear.Forward(Vector<double>.Build.Sparse(2))).Should().Throw<ArgumentException>().WithMessage("*dense vector*");
        Invoking(() => linear.Forward(Vector<double>.Build.Dense(5))).Should().Throw<ArgumentException>().WithMessage("*expects 2 input columns, but x is 1x5*");
        Invoking(() => new Linear<double>(0, 3)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("Linear(0 -> 3) expects inFeatures to be at least 1.*");
        Invoking(() => new Linear<double>(3, -1)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("Linear(3 -> -1) expects outFeatures to be at least 1.*");
        Invoking(() => new Linear<Half>(1, 1)).Should().Throw<NotSupportedException>().WithMessage("Backprop computes in float or double; Half is not supported.");
        Invoking(() => new MSELoss<Half>()).Should().Throw<NotSupportedException>();
    }

    [Fact]
    public void A_vector_is_one_sample()
    {
        var model = new Sequential<double>(Linear(3, 4), new Sigmoid<double>(), Linear(4, 2));
        var x = Any.Matrix<double>(5, 3, 1);
        var batch = model.Forward(x);
        for (var i = 0; i < 5; i++) model.Forward(x.Row(i)).Should().Equal(batch.Row(i), "a sample has the bits it has in a batch");
    }

    [Fact]
    public void A_pass_fed_with_its_own_results_reads_them_before_it_overwrites_them()
    {
        var layer = Linear(3, 3);
        var (fed, apart) = (layer.NewPass(training: false), layer.NewPass());
        var once = layer.Forward(Any.Matrix<double>(4, 3, 1), fed);
        var expected = layer.Forward(once.Clone(), apart).Clone();
        layer.Forward(once, fed).Should().Be(expected);
        Invoking(() => layer.Backward(fed, once)).Should().Throw<InvalidOperationException>().WithMessage("*has run forward on its own output*");

        layer.Forward(Any.Matrix<double>(4, 3, 1), fed);
        layer.Forward(Any.Matrix<double>(4, 3, 1), apart);
        var dX = layer.Backward(fed, Any.Matrix<double>(4, 3, 2));
        var expectedGradient = layer.Backward(apart, dX.Clone()).Clone();
        layer.Backward(fed, dX).Should().Be(expectedGradient);
    }

    [Fact]
    public void Inference_is_thread_safe()
    {
        var model = new Sequential<double>(Linear(10, 20), new Sigmoid<double>(), Linear(20, 5));
        var inputs = Enumerable.Range(1, 16).Select(seed => Any.Matrix<double>(seed, 10, seed)).ToArray();
        var expected = inputs.Select(model.Forward).ToArray();
        Parallel.For(0, 400, i => model.Forward(inputs[i % 16]).Should().Be(expected[i % 16]));
    }

    [Fact]
    public void An_empty_network_is_the_identity()
    {
        var model = new Sequential<double>();
        var (x, pass) = (Any.Matrix<double>(2, 3, 1), model.NewPass());
        model.Forward(x, pass).Should().Be(x);
        model.Backward(pass, x).Should().Be(x);
    }

    private static Action Invoking(Action action) => action;

    private static Func<TResult> Invoking<TResult>(Func<TResult> function) => function;
}

public sealed class SequentialSingleTests : SequentialTests<float>;
