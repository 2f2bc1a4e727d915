using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;

namespace Backprop.Benchmarks;

/// <summary>Our forward pass without training, with a reused pass.</summary>
internal sealed class OurInference<T> : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Sequential<T> _model;
    private readonly ForwardPass<T> _pass;
    private readonly Matrix<T> _x;

    public OurInference(Network network)
    {
        _model = network.NewModel<T>();
        _pass = _model.NewPass(training: false);
        _x = network.NewInput<T>();
    }

    public Matrix<T> Output => _model.Forward(_x, _pass);

    public void Run(int times)
    {
        for (var i = 0; i < times; i++) _model.Forward(_x, _pass);
    }

    public void Dispose() { }
}

/// <summary>TorchSharp's forward pass in inference mode, from the same weights.</summary>
internal sealed class TorchInference<T> : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly TorchSharp.Modules.Sequential _model;
    private readonly torch.Tensor _x;

    public TorchInference(Network network)
    {
        _model = TorchModel.From(network.NewModel<T>());
        _model.eval();
        _x = network.NewInput<T>().ToTensor();
    }

    public torch.Tensor Output
    {
        get
        {
            using var mode = torch.inference_mode();
            return _model.call(_x);
        }
    }

    public void Run(int times)
    {
        using var mode = torch.inference_mode();
        for (var i = 0; i < times; i++) _model.call(_x).Dispose();
    }

    public void Dispose()
    {
        _model.Dispose();
        _x.Dispose();
    }
}
