using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;

namespace Backprop.Benchmarks;

/// <summary>Our predictor, on spans of rows.</summary>
internal sealed class OurInference<T> : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Predictor<T> _predictor;
    private readonly Network _network;
    private readonly T[] _x, _y;

    public OurInference(Network network)
    {
        _network = network;
        _predictor = network.NewModel<T>().ToPredictor();
        _x = network.NewInput<T>().ToRowMajorArray();
        _y = new T[network.Batch * network.Sizes[^1]];
    }

    public Matrix<T> Output
    {
        get
        {
            Run(1);
            return Matrix<T>.Build.DenseOfRowMajor(_network.Batch, _network.Sizes[^1], _y);
        }
    }

    public void Run(int times)
    {
        for (var i = 0; i < times; i++) _predictor.Predict(_x, _y);
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
