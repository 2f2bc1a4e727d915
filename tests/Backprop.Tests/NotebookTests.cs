using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>
/// The network this library began with: 1-1-1, eight points on y = x, weights -0.1, biases 0; rebuilt by hand in TorchSharp.
/// Then with weights that differ from each other: where both are -0.1, multiplying by the wrong one goes unseen.
/// </summary>
public abstract class NotebookTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Theory]
    [InlineData(-0.1, 0, -0.1, 0)]
    [InlineData(-0.1, 0, 0.5, 0)]
    [InlineData(2, -0.3, -1.5, 0.7)]
    public void Every_value_and_every_gradient_is_PyTorch_s(double w1, double b1, double w2, double b2)
    {
        var x = Matrix<T>.Build.Dense(8, 1, (i, _) => T.CreateSaturating(-1 + i * (2.0 / 7)));
        var y = x.Clone();

        // By hand.
        var (hidden, output) = (new Linear<T>(1, 1), new Linear<T>(1, 1));
        var model = new Sequential<T> { { "hidden", hidden }, { "activation", new Sigmoid<T>() }, { "output", output } };
        (hidden.Weight.Value[0, 0], hidden.Bias!.Value[0]) = (T.CreateSaturating(w1), T.CreateSaturating(b1));
        (output.Weight.Value[0, 0], output.Bias!.Value[0]) = (T.CreateSaturating(w2), T.CreateSaturating(b2));
        var loss = new MSELoss<T>();
        var pass = model.NewPass();
        var yHat = model.Forward(x, pass);
        var value = loss.Forward(yHat, y);
        var dYHat = loss.Backward(yHat, y);
        var dX = model.Backward(pass, dYHat);

        // In PyTorch, from modules and parts.
        using var scope = NewDisposeScope();
        var type = typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32;
        var hiddenTorch = TorchLinear(w1, b1, type);
        var outputTorch = TorchLinear(w2, b2, type);
        var xTorch = tensor(x.Enumerate().Select(v => double.CreateChecked(v)).ToArray(), [8, 1], type).requires_grad_();
        var targets = xTorch.detach();
        var a1 = Keep(hiddenTorch.forward(xTorch));
        var z1 = Keep(torch.nn.functional.sigmoid(a1));
        var yHatTorch = Keep(outputTorch.forward(z1));
        var lossTorch = torch.nn.functional.mse_loss(yHatTorch, targets);
        lossTorch.backward();

        yHat.ShouldAgreeWith(yHatTorch);
        pass["hidden"].Output.ShouldAgreeWith(a1);
        pass["activation"].Output.ShouldAgreeWith(z1);
        Matrix<T>.Build.Dense(1, 1, value).ShouldAgreeWith(lossTorch.reshape(1, 1));

        dYHat.ShouldAgreeWith(yHatTorch.grad!);
        pass["output"].InputGradient!.ShouldAgreeWith(z1.grad!);
        pass["activation"].InputGradient!.ShouldAgreeWith(a1.grad!);
        dX.ShouldAgreeWith(xTorch.grad!);
        pass.InputGradient.Should().BeSameAs(dX);

        hidden.Weight.Gradient.ShouldAgreeWith(hiddenTorch.weight.grad!);
        hidden.Bias.Gradient.ShouldAgreeWith(hiddenTorch.bias!.grad!);
        output.Weight.Gradient.ShouldAgreeWith(outputTorch.weight.grad!);
        output.Bias.Gradient.ShouldAgreeWith(outputTorch.bias!.grad!);
    }

    [Fact]
    public void Its_gradients_have_the_digits_the_notebook_printed()
    {
        var (loss, gradients) = Gradients();
        Math.Round(loss, 4).Should().Be(0.4289);
        gradients.Select(gradient => Math.Round(gradient, 4)).Should().Equal(0.0213, 0.0025, -0.0286, -0.1);
    }

    private protected static (double Loss, double[] Gradients) Gradients()
    {
        var x = Matrix<T>.Build.Dense(8, 1, (i, _) => T.CreateSaturating(-1 + i * (2.0 / 7)));
        var model = new Sequential<T>(new Linear<T>(1, 1), new Sigmoid<T>(), new Linear<T>(1, 1));
        foreach (var parameter in model.Parameters) parameter.Values.Fill(parameter.Name == "weight" ? T.CreateSaturating(-0.1) : T.Zero);
        var (loss, pass) = (new MSELoss<T>(), model.NewPass());
        var yHat = model.Forward(x, pass);
        model.AccumulateGradients(pass, loss.Backward(yHat, x));
        return (double.CreateChecked(loss.Forward(yHat, x)), [.. model.Parameters.Select(parameter => double.CreateChecked(parameter.Gradients[0]))]);
    }

    private static Linear TorchLinear(double weight, double bias, ScalarType type)
    {
        var linear = torch.nn.Linear(1, 1, dtype: type);
        using (no_grad())
        {
            linear.weight.fill_(weight);
            linear.bias!.fill_(bias);
        }

        return linear;
    }

    private static Tensor Keep(Tensor tensor)
    {
        tensor.retain_grad();
        return tensor;
    }
}

public sealed class NotebookDoubleTests : NotebookTests<double>
{
    [Fact]
    public void Its_numbers_are_the_reference_s_in_double()
    {
        var (loss, gradients) = Gradients();
        loss.Should().BeApproximately(0.42893259384435856, 1e-15);
        double[] expected = [0.021334741937830547, 0.002497324795365717, -0.028638404775643, -0.1];
        for (var i = 0; i < 4; i++) gradients[i].Should().BeApproximately(expected[i], 1e-15);
    }
}

public sealed class NotebookSingleTests : NotebookTests<float>;
