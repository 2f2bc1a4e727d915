using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using TorchModule = TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;

namespace Backprop.Benchmarks;

/// <summary>An elementwise layer and its twin.</summary>
internal sealed record Elementwise<T>(string Name, Func<Layer<T>> Ours, Func<TorchModule> Torch, double? Tolerance = null) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>All of them: a line for each.</summary>
    public static IReadOnlyList<Elementwise<T>> All { get; } =
    [
        // All but Hardtanh: TorchSharp's returns its input.
        new("Sigmoid", () => new Sigmoid<T>(), () => torch.nn.Sigmoid()),
        new("Tanh", () => new Tanh<T>(), () => torch.nn.Tanh()),
        new("ReLU", () => new ReLU<T>(), () => torch.nn.ReLU()),
        new("LeakyReLU", () => new LeakyReLU<T>(), () => torch.nn.LeakyReLU()),
        new("PReLU", () => new PReLU<T>(), () => torch.nn.PReLU(1)),
        new("ELU", () => new ELU<T>(), () => torch.nn.ELU()),
        new("SELU", () => new SELU<T>(), () => torch.nn.SELU()),
        new("CELU", () => new CELU<T>(), () => torch.nn.CELU()),
        new("GELU", () => new GELU<T>(), () => torch.nn.GELU()),
        new("GELU, tanh", () => new GELU<T>(GELUApproximation.Tanh), () => torch.nn.GELU(TorchSharp.Modules.GELU.Approximate.tanh)),
        new("SiLU", () => new SiLU<T>(), () => torch.nn.SiLU()),
        new("Mish", () => new Mish<T>(), () => torch.nn.Mish()),
        new("Softplus", () => new Softplus<T>(), () => torch.nn.Softplus()),
        new("Softsign", () => new Softsign<T>(), () => torch.nn.Softsign()),
        new("LogSigmoid", () => new LogSigmoid<T>(), () => torch.nn.LogSigmoid()),
        new("ReLU6", () => new ReLU6<T>(), () => torch.nn.ReLU6()),
        new("Hardsigmoid", () => new Hardsigmoid<T>(), () => torch.nn.Hardsigmoid(), 1e-7),    // its slope is 1/6 as a float, in double too
        new("Hardswish", () => new Hardswish<T>(), () => torch.nn.Hardswish()),
        new("Softshrink", () => new Softshrink<T>(), () => torch.nn.Softshrink()),
        new("Hardshrink", () => new Hardshrink<T>(), () => torch.nn.Hardshrink()),
        new("Tanhshrink", () => new Tanhshrink<T>(), () => torch.nn.Tanhshrink()),
        new("Softmax", () => new Softmax<T>(), () => torch.nn.Softmax(1)),
        new("LogSoftmax", () => new LogSoftmax<T>(), () => torch.nn.LogSoftmax(1)),
    ];
}

/// <summary>Our elementwise layer on 4,096 elements: forward, or forward and backward.</summary>
internal sealed class OurElementwise<T>(Layer<T> layer, bool backward) : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    public const int Rows = 32, Columns = 128, Elements = Rows * Columns;
    private readonly Matrix<T> _x = NewInput(), _dY = NewUpstream();
    private readonly ForwardPass<T> _pass = layer.NewPass(training: backward);

    public static Matrix<T> NewInput() => Data.Uniform<T>(Rows, Columns, seed: 4, bound: 4);

    public static Matrix<T> NewUpstream() => Data.Uniform<T>(Rows, Columns, seed: 5);

    /// <summary>The output, or dL/dX.</summary>
    public Matrix<T> Result()
    {
        var y = layer.Forward(_x, _pass);
        return backward ? layer.Backward(_pass, _dY) : y;
    }

    public void Run(int times)
    {
        for (var i = 0; i < times; i++) Result();
    }

    public void Dispose() { }
}

/// <summary>TorchSharp's.</summary>
internal sealed class TorchElementwise<T> : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly TorchModule _module;
    private readonly bool _backward;
    private readonly torch.Tensor[] _x, _dY;

    public TorchElementwise(TorchModule module, bool backward)
    {
        (_module, _backward) = (module, backward);
        _module.to(TorchModel.TypeOf<T>());
        _x = [OurElementwise<T>.NewInput().ToTensor(requiresGradient: backward)];
        _dY = [OurElementwise<T>.NewUpstream().ToTensor()];
    }

    /// <summary>The output, or dL/dX.</summary>
    public torch.Tensor Result()
    {
        if (!_backward) return _module.call(_x[0]);
        using var y = _module.call(_x[0]);
        return torch.autograd.grad([y], _x, _dY)[0];
    }

    public void Run(int times)
    {
        using var mode = _backward ? null : torch.inference_mode();
        for (var i = 0; i < times; i++) Result().Dispose();
    }

    public void Dispose()
    {
        _module.Dispose();
        _x[0].Dispose();
        _dY[0].Dispose();
    }
}
