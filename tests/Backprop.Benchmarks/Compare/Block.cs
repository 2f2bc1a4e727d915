using System.Numerics;
using Backprop.Torch;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;

namespace Backprop.Benchmarks;

/// <summary>A layer with weights and its twin of PyTorch's functions, of the same weights.</summary>
/// <param name="Name">Its sizes, as a row of the table has them.</param>
/// <param name="Rows">Rows of the input.</param>
/// <param name="Flops">Operations of a forward pass.</param>
/// <param name="Ours">Makes the layer.</param>
/// <param name="Twin">PyTorch's output from the input, of which a row is a row of ours, and the parameters by name.</param>
internal sealed record Block<T>(string Name, int Rows, double Flops, Func<Layer<T>> Ours, Func<torch.Tensor, IReadOnlyDictionary<string, torch.Tensor>, torch.Tensor> Twin) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Convolutions of small and middling images.</summary>
    public static IEnumerable<Block<T>> Convolutions()
    {
        foreach (var batch in (int[])[1, 32, 128])
        {
            foreach (var (input, outputs, kernel) in (((int, int, int), int, int)[])[((1, 8, 8), 16, 3), ((16, 8, 8), 32, 3), ((1, 28, 28), 6, 5), ((16, 14, 14), 32, 3), ((32, 28, 28), 32, 3), ((64, 28, 28), 64, 1), ((64, 28, 28), 64, 3)])
            {
                var shape = new ImageShape(input.Item1, input.Item2, input.Item3);
                yield return new($"{shape} -> {outputs}, {kernel}x{kernel}, {batch}", batch, 2.0 * shape.Columns * kernel * kernel * outputs * batch,
                    () => new Conv2d<T>(shape, outputs, kernel, padding: kernel / 2, generator: new Generator(1)),
                    (x, p) => torch.nn.functional.conv2d(x.reshape(-1, shape.Channels, shape.Height, shape.Width), p["weight"], p["bias"], [1, 1], [kernel / 2, kernel / 2]).flatten(1));
            }
        }
    }
}

/// <summary>Our layer: forward, or forward and all the way back.</summary>
internal sealed class OurBlock<T> : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Layer<T> _layer;
    private readonly ForwardPass<T> _pass;
    private readonly bool _backward;

    public OurBlock(Block<T> block, bool backward)
    {
        (_layer, _backward) = (block.Ours(), backward);
        _pass = _layer.NewPass(training: backward);
        X = Data.Uniform<T>(block.Rows, _layer.InputColumns!.Value, seed: 4);
        DY = Data.Uniform<T>(_layer.OutputRows(block.Rows), _layer.OutputColumns(X.ColumnCount), seed: 5);
    }

    public Layer<T> Layer => _layer;

    public Matrix<T> X { get; }

    public Matrix<T> DY { get; }

    /// <summary>The output, or dL/dX.</summary>
    public Matrix<T> Result()
    {
        var y = _layer.Forward(X, _pass);
        return _backward ? _layer.Backward(_pass, DY) : y;
    }

    public void Run(int times)
    {
        for (var i = 0; i < times; i++) Result();
    }

    public void Dispose() { }
}

/// <summary>TorchSharp's.</summary>
internal sealed class TorchBlock<T> : ISide where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Func<torch.Tensor, IReadOnlyDictionary<string, torch.Tensor>, torch.Tensor> _twin;
    private readonly Dictionary<string, torch.Tensor> _parameters;
    private readonly torch.Tensor _x, _dY;
    private readonly bool _backward;

    public TorchBlock(Block<T> block, OurBlock<T> ours, bool backward)
    {
        (_twin, _backward) = (block.Twin, backward);
        _parameters = ours.Layer.NamedParameters().ToDictionary(named => named.Name, named =>
        {
            using var flat = named.Parameter is MatrixParameter<T> matrix ? matrix.Value.ToTensor() : ((VectorParameter<T>)named.Parameter).Value.ToTensor();
            return flat.reshape([.. named.Parameter.Shape.Select(size => (long)size)]).detach().clone().requires_grad_(backward);
        });
        (_x, _dY) = (ours.X.ToTensor(requiresGradient: backward), ours.DY.ToTensor());
    }

    /// <summary>The output, or dL/dX, a row for each of ours.</summary>
    public torch.Tensor Result()
    {
        using var scope = torch.NewDisposeScope();
        _x.grad?.zero_();
        var y = Output();
        if (!_backward) return y.MoveToOuterDisposeScope();
        y.backward([_dY]);
        return _x.grad!.clone().MoveToOuterDisposeScope();
    }

    public void Run(int times)
    {
        using var mode = _backward ? null : torch.inference_mode();
        for (var i = 0; i < times; i++)
        {
            using var scope = torch.NewDisposeScope();
            var y = Output();
            if (_backward) y.backward([_dY]);
        }
    }

    public void Dispose()
    {
        foreach (var parameter in _parameters.Values) parameter.Dispose();
        _x.Dispose();
        _dY.Dispose();
    }

    private torch.Tensor Output() => _twin(_x, _parameters);
}
