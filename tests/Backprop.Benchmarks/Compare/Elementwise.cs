using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using TorchModule = TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;

namespace Backprop.Benchmarks;

/// <summary>An elementwise layer and its twin.</summary>
internal sealed record Elementwise<T>(string Name, Func<Layer<T>> Ours, Func<TorchModule> Torch) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>All of them: a line for each.</summary>
    public static IReadOnlyList<Elementwise<T>> All { get; } =
    [
        new("Sigmoid", () => new Sigmoid<T>(), () => torch.nn.Sigmoid()),
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
