using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class ConcatTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Any.Shapes.ForAll(shape =>
    {
        var layer = new Concat<T> { { "wide", Linear(shape.In, shape.Out, shape.Seed) }, { "plain", new Identity<T>() }, { "bent", new Sequential<T> { Linear(shape.In, 2, shape.Seed + 1), new Sigmoid<T>() } } };
        Proof.Layer(layer, Any.Matrix<T>(shape.Rows, shape.In, shape.Seed), (x, p) => cat(
            [nn.functional.linear(x, p["wide.weight"], p["wide.bias"]), x, nn.functional.linear(x, p["bent.0.weight"], p["bent.0.bias"]).sigmoid()], 1), shape.Seed);
    });

    [NeedsTorch]
    [Fact]
    public void Several_inputs_side_by_side_agree_too() => Any.Shapes.ForAll(shape =>
    {
        // The middle column is seen by both branches.
        var layer = new Concat<T>(
            new Sequential<T> { new Columns<T>(0, shape.In + 1), Linear(shape.In + 1, shape.Out, shape.Seed) },
            new Sequential<T> { new Columns<T>(shape.In, 2), Linear(2, 3, shape.Seed + 1), new Tanh<T>() });
        Proof.Layer(layer, Any.Matrix<T>(shape.Rows, shape.In + 2, shape.Seed), (x, p) => cat(
            [nn.functional.linear(x.narrow(1, 0, shape.In + 1), p["0.1.weight"], p["0.1.bias"]), nn.functional.linear(x.narrow(1, shape.In, 2), p["1.1.weight"], p["1.1.bias"]).tanh()], 1), shape.Seed);
    });

    [NeedsTorch]
    [Fact]
    public void A_layer_in_two_branches_gets_the_sum_of_both_gradients() => Any.Shapes.ForAll(shape =>
    {
        var shared = Linear(shape.In, shape.Out, shape.Seed);
        var layer = new Concat<T> { { "a", shared }, { "b", new Sequential<T> { new Tanh<T>(), shared } } };
        var x = Any.Matrix<T>(shape.Rows, shape.In, shape.Seed);
        using var scope = NewDisposeScope();
        var (xTorch, w, b) = (Proof.Tensor(x).requires_grad_(), Proof.Tensor(shared.Weight.Value).requires_grad_(), Proof.Tensor(Matrix<T>.Build.Dense(1, shape.Out, shared.Bias!.Values.ToArray())).requires_grad_());
        var yTorch = cat([xTorch.mm(w.t()) + b, xTorch.tanh().mm(w.t()) + b], 1);
        var (pass, dY) = (layer.NewPass(), Any.Matrix<T>(shape.Rows, 2 * shape.Out, shape.Seed + 1));
        Proof.Compare("Concat", "y", layer.Forward(x, pass), yTorch);
        yTorch.backward([Proof.Tensor(dY)]);
        Proof.Compare("Concat", "dL/dx", layer.Backward(pass, dY), xTorch.grad!);
        Proof.Compare("Concat", "dL/dweight", shared.Weight.Gradient, w.grad!);
        Proof.Compare("Concat", "dL/dbias", Matrix<T>.Build.Dense(1, shape.Out, shared.Bias.Gradients.ToArray()), b.grad!);
    });

    [NeedsTorch]
    [Fact]
    public void Nests_and_a_single_branch_agree() => Any.Shape.ForAll(shape =>
        Proof.Layer(new Concat<T>(new Concat<T>(new Identity<T>(), new Tanh<T>())), Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed), (x, _) => cat([x, x.tanh()], 1), shape.Seed));

    [Fact]
    public void A_steady_step_allocates_nothing_also_where_two_sizes_take_turns()
    {
        var layer = new Concat<T> { new Sequential<T> { new Columns<T>(0, 3), Linear(3, 2, 1) }, new Columns<T>(3, 2), new Sum<T> { Linear(5, 4, 2), Linear(5, 4, 3) } };
        var pass = layer.NewPass();
        var batches = ((int[])[8, 3]).Select(rows => (X: Any.Matrix<T>(rows, 5, rows), DY: Any.Matrix<T>(rows, 8, rows + 1))).ToArray();
        for (var i = 0; i < 3; i++) Epoch();
        Allocation.Least(Epoch).Should().Be(0);

        void Epoch()
        {
            foreach (var (x, dY) in batches)
            {
                layer.Forward(x, pass);
                layer.Backward(pass, dY);
                layer.AccumulateGradients(pass, dY);
            }
        }
    }

    [Fact]
    public void Without_the_need_for_dX_no_branch_computes_it()
    {
        foreach (var layer in (Layer<T>[])[new Concat<T>(Linear(3, 2, 1), Linear(3, 2, 2)), new Sum<T>(Linear(3, 2, 1), Linear(3, 2, 2))])
        {
            var pass = layer.NewPass();
            layer.AccumulateGradients(pass, Any.Matrix<T>(4, layer.Forward(Any.Matrix<T>(4, 3, 1), pass).ColumnCount, 2));
            pass.InputGradient.Should().BeNull();
            pass.Steps.Should().OnlyContain(step => step.InputGradient == null && step.OutputGradient != null);
            foreach (var parameter in layer.Parameters) parameter.Gradients.ToArray().Should().NotContain(T.Zero);
        }
    }

    private static Linear<T> Linear(int from, int to, int seed) => new(from, to, generator: new Generator(seed));
}

public sealed class ConcatDoubleTests : ConcatTests<double>
{
    [Fact]
    public void It_writes_itself_and_names_its_parameters()
    {
        var layer = new Concat<double> { { "wide", new Linear<double>(3, 4) }, new Columns<double>(1, 2) };
        $"{layer}".Should().Be("Concat(wide: Linear(3 -> 4), 1: Columns(1, 2))");
        layer.NamedParameters().Select(named => named.Name).Should().Equal("wide.weight", "wide.bias");
        layer.InputColumns.Should().Be(3);
        layer.OutputColumns(3).Should().Be(6);
        layer["1"].Should().BeOfType<Columns<double>>();
        layer.Select(branch => branch.ToString()).Should().Equal("Linear(3 -> 4)", "Columns(1, 2)");
        layer.NewPass()["wide"].Layer.Should().BeSameAs(layer["wide"]);
        new Concat<double>(new Identity<double>()).InputColumns.Should().BeNull();
    }

    [Fact]
    public void Bad_input_is_named_with_its_path()
    {
        Refused(() => new Concat<double> { { "wide", new Linear<double>(3, 4) } }.Forward(Any.Matrix<double>(2, 7, 1)), "wide: Linear(3 -> 4) expects 3 input columns, but x is 2x7. (Parameter 'x')");
        Refused(() => new Sequential<double> { { "in", new Linear<double>(7, 5) }, { "both", new Concat<double> { new Identity<double>(), new Sequential<double> { { "part", new Columns<double>(4, 2) } } } } }
            .Forward(Any.Matrix<double>(2, 7, 1)), "both.1.part: Columns(4, 2) expects at least 6 input columns, but there are 5. (Parameter 'x')");
        Refused(() => new Concat<double>().Forward(Any.Matrix<double>(2, 3, 1)), "Concat() expects at least one branch, but has none. (Parameter 'x')");
        Refused(() => new Concat<double>().OutputColumns(3), "Concat() expects at least one branch, but has none.");
        Refused(() => new Sum<double>().OutputColumns(3), "Sum() expects at least one branch, but has none.");
        Refused(() => new Concat<double>(new Identity<double>(), new Halves()).Forward(Any.Matrix<double>(4, 3, 1)), "Concat(0: Identity(), 1: Halves()) expects branches that give as many rows as each other, but for 4 \"0\" gives 4 and \"1\" gives 2. (Parameter 'x')");
        Refused(() => new Concat<double> { { "a", new Identity<double>() }, { "a", new Identity<double>() } }, "The name \"a\" is taken*");
        Refused(() => new Concat<double>(null!), "*");
        Refused(() => new Concat<double>(new Identity<double>(), null!), "*");
        var unknown = () => new Concat<double> { { "a", new Identity<double>() } }["b"];
        unknown.Should().Throw<KeyNotFoundException>().WithMessage("There is no layer \"b\" here; there is: a.");

        var grown = new Concat<double>(new Identity<double>());
        var pass = grown.NewPass();
        grown.Add(new Tanh<double>());
        Refused(() => grown.Forward(Any.Matrix<double>(2, 3, 1), pass), "*a pass that was made when it had 1 layer; make a new one with NewPass().*");

        static void Refused(Func<object> act, string message) => act.Should().Throw<ArgumentException>().WithMessage(message);
    }

    /// <summary>Every second row.</summary>
    private sealed class Halves : Layer<double>
    {
        public override int OutputRows(int inputRows) => inputRows / 2;

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => x.SubMatrix(0, x.RowCount / 2, 0, x.ColumnCount);

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => null;
    }
}

public sealed class ConcatSingleTests : ConcatTests<float>;
