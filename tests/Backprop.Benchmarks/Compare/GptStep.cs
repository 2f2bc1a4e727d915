using System.Numerics;
using Backprop.Torch;
using Backprop.Walkthrough;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;

namespace Backprop.Benchmarks;

/// <summary>A training step of the walkthrough's GPT: zero gradients, forward, cross entropy, backward, AdamW.</summary>
internal sealed class OurGptStep<T> : TrainingStep where T : unmanaged, IFloatingPointIeee754<T>
{
    public const int Batch = 64;
    public const double LearningRate = 0.004, WeightDecay = 0.01;

    private readonly Sequential<T> _model;
    private readonly ForwardPass<T> _pass;
    private readonly CrossEntropyLoss<T> _loss = new();
    private readonly AdamW<T> _adam;
    private readonly Matrix<T> _dY;

    public OurGptStep()
    {
        _model = Gpt.Create<T>(Sizes, 0, new Generator(1), new Generator(2));
        _pass = _model.NewPass();
        _adam = new AdamW<T>(_model.Parameters, LearningRate, weightDecay: WeightDecay);
        (X, Y) = (Characters(3), Characters(4));
        _dY = Matrix<T>.Build.Dense(X.RowCount, Sizes.Vocabulary);
    }

    /// <summary>As the walkthrough has them: 103,872 parameters.</summary>
    public static GptSizes Sizes { get; } = new(27, Steps: 32, Width: 64, Heads: 4, Layers: 2);

    /// <summary>Multiply-adds of the weights' products and of attention's, twice, forward and twice that back.</summary>
    public static double Flops => 3.0 * Batch * Sizes.Steps * (Sizes.Layers * (24.0 * Sizes.Width * Sizes.Width + 2.0 * Sizes.Steps * Sizes.Width) + 2.0 * Sizes.Width * Sizes.Vocabulary);

    public Layer<T> Model => _model;

    public Matrix<T> X { get; }

    public Matrix<T> Y { get; }

    public override double Step()
    {
        _adam.ZeroGradients();
        var loss = _loss.ForwardBackward(_model.Forward(X, _pass), Y, _dY);
        _model.AccumulateGradients(_pass, _dY);
        _adam.Step();
        return double.CreateTruncating(loss);
    }

    public override void Dispose() { }

    private static Matrix<T> Characters(int seed) => Data.Uniform<T>(Batch * Sizes.Steps, 1, seed).Map(value => T.Floor((value + T.One) / T.CreateChecked(2) * T.CreateChecked(Sizes.Vocabulary)));
}

/// <summary>PyTorch's, of its own functions and AdamW, from the same weights.</summary>
internal sealed class TorchGptStep<T> : TrainingStep where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Dictionary<string, TorchSharp.Modules.Parameter> _p = [];
    private readonly torch.optim.Optimizer _adam;
    private readonly torch.Tensor _x, _y;
    private readonly bool _exactGelu;

    /// <param name="ours">Whose weights and characters are taken.</param>
    /// <param name="exactGelu">Whether GELU is PyTorch's own function, which TorchSharp has in its exact form only; else its approximation by tanh, which is ours, in eight operations.</param>
    public TorchGptStep(OurGptStep<T> ours, bool exactGelu)
    {
        _exactGelu = exactGelu;
        foreach (var (name, parameter) in ours.Model.NamedParameters().Where(named => named.Name != "lm_head.weight"))
        {
            using var tensor = parameter is MatrixParameter<T> matrix ? matrix.Value.ToTensor() : ((VectorParameter<T>)parameter).Value.ToTensor();
            _p[name] = new(tensor.clone());
        }

        _adam = torch.optim.AdamW(_p.Values, OurGptStep<T>.LearningRate, weight_decay: OurGptStep<T>.WeightDecay);
        (_x, _y) = (Numbers(ours.X), Numbers(ours.Y));
    }

    public override double Step()
    {
        using var scope = torch.NewDisposeScope();
        foreach (var parameter in _p.Values) parameter.grad = null;
        var loss = torch.nn.functional.cross_entropy(Forward(), _y);
        loss.backward();
        _adam.step();
        return typeof(T) == typeof(float) ? loss.ToSingle() : loss.ToDouble();
    }

    public override void Dispose()
    {
        _adam.Dispose();
        foreach (var parameter in _p.Values) parameter.Dispose();
        _x.Dispose();
        _y.Dispose();
    }

    private static torch.Tensor Numbers(Matrix<T> rows)
    {
        using var tensor = rows.ToTensor();
        return tensor.to_type(torch.ScalarType.Int64).flatten();
    }

    private torch.Tensor Forward()
    {
        var sizes = OurGptStep<T>.Sizes;
        var (n, t, h, d) = (OurGptStep<T>.Batch, sizes.Steps, sizes.Heads, sizes.Width / sizes.Heads);
        var x = _p["wte.weight"].index_select(0, _x).reshape(n, t, sizes.Width) + _p["wpe.weight"];
        for (var i = 0; i < sizes.Layers; i++)
        {
            var qkv = Linear(Norm(x, $"h.{i}.ln_1"), $"h.{i}.attn.c_attn").reshape(n, t, 3, h, d).permute(2, 0, 3, 1, 4);
            var o = torch.nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_casual: true);
            x = x + Linear(o.transpose(1, 2).reshape(n, t, sizes.Width), $"h.{i}.attn.c_proj");
            x = x + Linear(Gelu(Linear(Norm(x, $"h.{i}.ln_2"), $"h.{i}.mlp.c_fc")), $"h.{i}.mlp.c_proj");
        }

        return torch.nn.functional.linear(Norm(x, "ln_f"), _p["wte.weight"]).reshape(n * t, sizes.Vocabulary);
    }

    private torch.Tensor Linear(torch.Tensor x, string name) => torch.nn.functional.linear(x, _p[name + ".weight"], _p[name + ".bias"]);

    private torch.Tensor Norm(torch.Tensor x, string name) => torch.nn.functional.layer_norm(x, [OurGptStep<T>.Sizes.Width], _p[name + ".weight"], _p[name + ".bias"]);

    private torch.Tensor Gelu(torch.Tensor x) => _exactGelu ? torch.nn.functional.gelu(x) : 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x.pow(3))).tanh());
}
