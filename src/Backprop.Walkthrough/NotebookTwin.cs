using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using static TorchSharp.torch;

namespace Backprop.Walkthrough;

/// <summary>The same network in PyTorch, which finds its gradients by itself.</summary>
internal sealed class NotebookTwin<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TorchSharp.Modules.Linear _hidden, _output;
    private readonly Tensor _x, _y;

    /// <summary>Takes the data and the parameters of our network as they are now.</summary>
    public NotebookTwin(Notebook<T> notebook)
    {
        (_x, _y) = (notebook.X.ToTensor(requiresGradient: true), notebook.Y.ToTensor());
        (_hidden, _output) = (Copy(notebook.Hidden), Copy(notebook.Output));
    }

    /// <summary>dL/dw1, dL/db1, dL/dw2, dL/db2, dL/dy_hat, dL/dz1, dL/da1, dL/dx: in the order of <see cref="NotebookGradient{T}.Of"/>.</summary>
    public IReadOnlyList<Matrix<T>> Gradients()
    {
        using var scope = NewDisposeScope();
        Tensor a1 = _hidden.call(_x), z1 = a1.sigmoid(), yHat = _output.call(z1);
        foreach (var tensor in (Tensor[])[a1, z1, yHat]) tensor.retain_grad();
        nn.functional.mse_loss(yHat, _y).backward();
        Tensor[] tensors = [_hidden.weight!, _hidden.bias!, _output.weight!, _output.bias!, yHat, z1, a1, _x];
        return [.. tensors.Select(tensor => tensor.grad!.reshape(-1, 1).ToMatrix<T>())];
    }

    /// <summary>Gradient descent.</summary>
    /// <returns>The loss before each step, and after the last.</returns>
    public double[] Fit(double learningRate, int steps, Action<int> report)
    {
        using var sgd = optim.SGD([_hidden.weight!, _hidden.bias!, _output.weight!, _output.bias!], learningRate);
        var x = _x.detach();
        var losses = new double[steps + 1];
        for (var step = 0; step <= steps; step++)
        {
            using var scope = NewDisposeScope();
            var loss = nn.functional.mse_loss(_output.call(_hidden.call(x).sigmoid()), _y);
            losses[step] = loss.to_type(ScalarType.Float64).item<double>();
            report(step);
            if (step == steps) break;
            sgd.zero_grad();
            loss.backward();
            sgd.step();
        }

        return losses;
    }

    /// <summary>w1, b1, w2, b2.</summary>
    public IReadOnlyList<double> Parameters() =>
        [.. ((Tensor[])[_hidden.weight!, _hidden.bias!, _output.weight!, _output.bias!]).Select(tensor => tensor.to_type(ScalarType.Float64).item<double>())];

    public void Dispose()
    {
        _hidden.Dispose();
        _output.Dispose();
        _scope.Dispose();
    }

    private static TorchSharp.Modules.Linear Copy(Linear<T> linear)
    {
        var twin = nn.Linear(1, 1, dtype: typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32);
        using var noGradient = no_grad();
        twin.weight!.copy_(linear.Weight.Value.ToTensor());
        twin.bias!.copy_(linear.Bias!.Value.ToTensor());
        return twin;
    }
}
