using MathNet.Numerics.LinearAlgebra;
using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Modules of layers for sequences: so many consecutive rows as (sequences, steps, columns), and back. States begin with 0; fewer rows than a sequence of attention has are one that is shorter.</summary>
internal static class Sequences
{
    public static IEnumerable<ModuleMaker<T>> Makers<T>() where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
    [
        TorchModules.For<T, ToSteps<T>>((layer, module, x) => x.reshape(x.shape[0] * layer.Steps, x.shape[1] / layer.Steps)),
        TorchModules.For<T, ToRows<T>>((layer, module, x) => x.reshape(x.shape[0] / layer.Steps, x.shape[1] * layer.Steps)),
        TorchModules.For<T, LastStep<T>>((layer, module, x) => Of(x, layer.Steps).select(1, layer.Steps - 1)),
        TorchModules.For<T, MeanOverTime<T>>((layer, module, x) => Of(x, layer.Steps).mean([1])),
        TorchModules.For<T, MaxOverTime<T>>((layer, module, x) => Of(x, layer.Steps).max(1).values),
        TorchModules.For<T, RNN<T>>((builder, layer) =>
        {
            var rnn = nn.RNN(
                layer.InputSize, layer.HiddenSize, layer.NumLayers, layer.Nonlinearity == RecurrentNonlinearity.ReLU ? nn.NonLinearities.ReLU : nn.NonLinearities.Tanh,
                layer.BiasesIH.Count > 0, true, layer.Dropout, layer.Bidirectional, builder.Device, builder.Type);
            return Recurrent(builder, layer, rnn, x => rnn.call(x, null!).Item1);
        }),
        TorchModules.For<T, GRU<T>>((builder, layer) =>
        {
            var gru = nn.GRU(layer.InputSize, layer.HiddenSize, layer.NumLayers, layer.BiasesIH.Count > 0, true, layer.Dropout, layer.Bidirectional, builder.Device, builder.Type);
            return Recurrent(builder, layer, gru, x => gru.call(x, null!).Item1);
        }),
        TorchModules.For<T, LSTM<T>>((builder, layer) =>
        {
            var lstm = nn.LSTM(layer.InputSize, layer.HiddenSize, layer.NumLayers, layer.BiasesIH.Count > 0, true, layer.Dropout, layer.Bidirectional, builder.Device, builder.Type);
            return Recurrent(builder, layer, lstm, x => lstm.call(x, null).Item1);
        }),
        TorchModules.For<T, ScaledDotProductAttention<T>>(Attention),
        // y = attention(x W^T + b) W_o^T + b_o
        TorchModules.For<T, MultiheadAttention<T>>((layer, module, x) =>
            module.Call("out_proj", module.Call("attention", nn.functional.linear(x, module["in_proj_weight"], module.Find("in_proj_bias")!)))),
        TorchModules.For<T, PositionalEmbedding<T>>((layer, module, x) => WithPositions(x, module["weight"], layer.MaxSteps)),
        TorchModules.For<T, SinusoidalPositions<T>>((layer, module, x) => WithPositions(x, module.Constant("waves", x, () => Waves(layer)), layer.MaxSteps)),
        TorchModules.For<T, TransformerEncoderLayer<T>>(Encoder),
    ];

    private static Tensor Of(Tensor x, int steps) => x.reshape(-1, steps, x.shape[1]);

    private static int StepsOf(Tensor x, int maxSteps) => (int)Math.Min(x.shape[0], maxSteps);

    private static LayerModule Recurrent<T>(ModuleBuilder<T> builder, Recurrent<T> layer, nn.Module engine, Func<Tensor, Tensor> outputs) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        builder.Make(layer, (module, x) => outputs(Of(x, layer.Steps)) is var y ? y.reshape(x.shape[0], y.shape[2]) : y, engine);

    // O = softmax(Q K^T / √d) V, in each head
    private static Tensor Attention<T>(ScaledDotProductAttention<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        // (sequences, steps, 3, heads, width) to (3, sequences, heads, steps, width)
        var steps = StepsOf(x, layer.MaxSteps);
        var parts = x.reshape(-1, steps, 3, layer.NumHeads, layer.HeadDim).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (parts.select(0, 0), parts.select(0, 1), parts.select(0, 2));
        if (layer.RotaryBase is double rotaryBase)
        {
            var angles = module.Constant("angles", x, () => Angles(layer.MaxSteps, layer.HeadDim, rotaryBase)).narrow(0, 0, steps);
            (q, k) = (Turned(q, angles), Turned(k, angles));
        }

        var mixed = nn.functional.scaled_dot_product_attention(q, k, v, null!, module.training ? layer.Dropout : 0, layer.Causal);
        return mixed.transpose(1, 2).reshape(x.shape[0], layer.EmbedDim);
    }

    /// <summary>(steps, 2, pairs): the cosine and the sine of each pair's angle.</summary>
    private static Tensor Angles(int steps, int width, double rotaryBase)
    {
        var frequencies = pow(rotaryBase, arange(width / 2, float64) * (-2.0 / width));
        var angles = arange(steps, float64).unsqueeze(1) * frequencies;
        return stack([angles.cos(), angles.sin()], 1);
    }

    // (a, b) to (a cos - b sin, a sin + b cos), each pair of columns by the angle of its step
    private static Tensor Turned(Tensor x, Tensor angles)
    {
        var (cos, sin) = (angles.select(1, 0), angles.select(1, 1));
        var pairs = x.reshape([.. x.shape[..^1], -1, 2]);
        var (a, b) = (pairs.select(-1, 0), pairs.select(-1, 1));
        return stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape);
    }

    private static Tensor WithPositions(Tensor x, Tensor table, int maxSteps)
    {
        var steps = StepsOf(x, maxSteps);
        return (Of(x, steps) + table.narrow(0, 0, steps)).reshape(x.shape);
    }

    /// <summary>The layer's own waves: what it adds to nothing.</summary>
    private static Tensor Waves<T>(SinusoidalPositions<T> layer) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> => layer.Forward(Matrix<T>.Build.Dense(layer.MaxSteps, layer.EmbedDim)).ToTensor();

    private static Tensor Encoder<T>(TransformerEncoderLayer<T> layer, LayerModule module, Tensor x) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        // h = x + a(norm1(x)), y = h + f(norm2(h)); or h = norm1(x + a(x)), y = norm2(h + f(h))
        string[] attention = ["self_attn", "dropout1"], feedforward = ["linear1", "activation", "dropout", "linear2", "dropout2"];
        if (layer.NormFirst)
        {
            var sum = x + Through(x, ["norm1", .. attention]);
            return sum + Through(sum, ["norm2", .. feedforward]);
        }

        var h = Through(x + Through(x, attention), ["norm1"]);
        return Through(h + Through(h, feedforward), ["norm2"]);

        Tensor Through(Tensor value, string[] names) => names.Aggregate(value, (at, name) => module.Call(name, at));
    }
}
