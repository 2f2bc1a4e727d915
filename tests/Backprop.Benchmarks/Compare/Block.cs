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

    /// <summary>LSTMs of one layer.</summary>
    public static IEnumerable<Block<T>> Recurrences()
    {
        foreach (var (batch, steps, inputs, hidden) in ((int, int, int, int)[])[(1, 32, 64, 128), (8, 32, 16, 32), (32, 32, 64, 128), (128, 32, 64, 128)])
        {
            TorchSharp.Modules.LSTM? theirs = null;
            yield return new($"LSTM {inputs} -> {hidden}, {steps} steps, {batch}", batch * steps, 8.0 * (inputs + hidden) * hidden * batch * steps,
                () => new LSTM<T>(inputs, hidden, steps, generator: new Generator(1)),
                (x, p) =>
                {
                    theirs ??= LstmOf(inputs, hidden, p);
                    return theirs.call(x.reshape(batch, steps, inputs)).Item1.reshape(batch * steps, hidden);
                });
        }
    }

    /// <summary>Self-attention, causal, with its projections; and a transformer's layer.</summary>
    public static IEnumerable<Block<T>> Attentions()
    {
        foreach (var (batch, steps, width, heads) in ((int, int, int, int)[])[(32, 32, 64, 4), (16, 64, 64, 4), (8, 128, 128, 4), (8, 64, 384, 6), (4, 256, 384, 6)])
        {
            var flops = (8.0 * width * width + 2.0 * steps * width) * batch * steps;
            yield return new($"attention {width}, {heads} heads, {steps} steps, {batch}", batch * steps, flops, () => new MultiheadAttention<T>(width, heads, steps, causal: true, generator: new Generator(1)),
                (x, p) => Attend(x, p, "", batch, steps, width, heads));
        }

        const int Batch = 32, Steps = 32, Width = 64, Heads = 4;
        yield return new($"transformer's layer {Width}, {Heads} heads, {Steps} steps, {Batch}", Batch * Steps, (24.0 * Width * Width + 2.0 * Steps * Width) * Batch * Steps,
            () => new TransformerEncoderLayer<T>(Width, Heads, Steps, 4 * Width, 0, new GELU<T>(), normFirst: true, causal: true, generator: new Generator(1)),
            (x, p) =>
            {
                x += Attend(torch.nn.functional.layer_norm(x, [Width], p["norm1.weight"], p["norm1.bias"]), p, "self_attn.", Batch, Steps, Width, Heads);
                var hidden = torch.nn.functional.gelu(torch.nn.functional.linear(torch.nn.functional.layer_norm(x, [Width], p["norm2.weight"], p["norm2.bias"]), p["linear1.weight"], p["linear1.bias"]));
                return x + torch.nn.functional.linear(hidden, p["linear2.weight"], p["linear2.bias"]);
            });
    }

    private static torch.Tensor Attend(torch.Tensor x, IReadOnlyDictionary<string, torch.Tensor> p, string path, int batch, int steps, int width, int heads)
    {
        var qkv = torch.nn.functional.linear(x, p[path + "in_proj_weight"], p[path + "in_proj_bias"]).reshape(batch, steps, 3, heads, width / heads).permute(2, 0, 3, 1, 4);
        var o = torch.nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_casual: true);
        return torch.nn.functional.linear(o.transpose(1, 2).reshape(batch * steps, width), p[path + "out_proj.weight"], p[path + "out_proj.bias"]);
    }

    // Its parameters outlive the scope of the call that makes it.
    private static TorchSharp.Modules.LSTM LstmOf(int inputs, int hidden, IReadOnlyDictionary<string, torch.Tensor> p)
    {
        var lstm = torch.nn.LSTM(inputs, hidden, batchFirst: true, dtype: TorchModel.TypeOf<T>());
        using var still = torch.no_grad();
        foreach (var (name, parameter) in lstm.named_parameters())
        {
            parameter.copy_(p[name]);
            parameter.requires_grad_(p[name].requires_grad);
            parameter.DetachFromDisposeScope();
        }

        return lstm;
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
