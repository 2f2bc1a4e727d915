using System.Numerics;
using Backprop.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Backprop.Walkthrough;

/// <summary>The same GPT in PyTorch, of its own functions, gradients and AdamW. It starts from our weights and gets the same batches; what it drops it draws itself.</summary>
internal sealed class TextTwin<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly GptSizes _sizes;
    private readonly double _dropout;
    private readonly Dictionary<string, TorchSharp.Modules.Parameter> _p = [];
    private readonly optim.Optimizer _adam;

    public TextTwin(Layer<T> model, GptSizes sizes, TextSettings settings)
    {
        TorchNative.EnsureLoadable();
        (_sizes, _dropout) = (sizes, settings.Dropout);
        foreach (var (name, parameter) in model.NamedParameters().Where(named => named.Name != "lm_head.weight"))
        {
            using var tensor = parameter is MatrixParameter<T> matrix ? matrix.Value.ToTensor() : ((VectorParameter<T>)parameter).Value.ToTensor();
            _p[name] = new(tensor.clone());
        }

        _adam = optim.AdamW(_p.Values, settings.LearningRate, weight_decay: 0.01);
        manual_seed(settings.Seed);
    }

    /// <summary>The scores, a row for each character.</summary>
    public Tensor Forward(Tensor numbers, bool training)
    {
        var (n, t, h, d) = (numbers.shape[0], numbers.shape[1], _sizes.Heads, _sizes.Width / _sizes.Heads);
        var x = Drop(_p["wte.weight"].index_select(0, numbers.flatten()).reshape(n, t, _sizes.Width) + _p["wpe.weight"][..(int)t]);
        for (var i = 0; i < _sizes.Layers; i++)
        {
            var qkv = Linear(Norm(x, $"h.{i}.ln_1"), $"h.{i}.attn.c_attn").reshape(n, t, 3, h, d).permute(2, 0, 3, 1, 4);
            var o = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], p: training ? _dropout : 0, is_casual: true);
            x = x + Drop(Linear(o.transpose(1, 2).reshape(n, t, _sizes.Width), $"h.{i}.attn.c_proj"));
            x = x + Drop(Linear(Gelu(Linear(Norm(x, $"h.{i}.ln_2"), $"h.{i}.mlp.c_fc")), $"h.{i}.mlp.c_proj"));
        }

        return nn.functional.linear(Norm(x, "ln_f"), _p["wte.weight"]).reshape(n * t, _sizes.Vocabulary);

        Tensor Drop(Tensor y) => training && _dropout > 0 ? nn.functional.dropout(y, _dropout) : y;
    }

    /// <summary>A training step.</summary>
    /// <returns>The loss before it.</returns>
    public double Step(Batch<T> batch, double learningRate)
    {
        using var inner = NewDisposeScope();
        foreach (var group in _adam.ParamGroups) group.LearningRate = learningRate;
        var loss = nn.functional.cross_entropy(Forward(Numbers(batch.X), training: true), Numbers(batch.Y).flatten());
        _adam.zero_grad();
        loss.backward();
        _adam.step();
        return loss.to_type(ScalarType.Float64).item<double>();
    }

    public void Dispose()
    {
        _adam.Dispose();
        foreach (var parameter in _p.Values) parameter.Dispose();
    }

    private Tensor Numbers(MathNet.Numerics.LinearAlgebra.Matrix<T> rows) => rows.ToTensor().to_type(ScalarType.Int64).reshape(-1, Math.Min(rows.RowCount, _sizes.Steps));

    private Tensor Linear(Tensor x, string name) => nn.functional.linear(x, _p[name + ".weight"], _p[name + ".bias"]);

    private Tensor Norm(Tensor x, string name) => nn.functional.layer_norm(x, [_sizes.Width], _p[name + ".weight"], _p[name + ".bias"]);

    // GELU by its tanh, operation by operation: TorchSharp's function has the exact one only.
    private static Tensor Gelu(Tensor x) => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x.pow(3))).tanh());
}
