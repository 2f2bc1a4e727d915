using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>Recurrent layers in PyTorch: as formulas, which it differentiates, and as its own modules.</summary>
internal static class RecurrentTwin
{
    /// <summary>y from x, both with a row for each step of each sequence, and parameters by PyTorch's names.</summary>
    public static Tensor Formula(RecurrentCase c, Tensor x, IReadOnlyDictionary<string, Tensor> p, string prefix = "", Tensor? mask = null)
    {
        var input = x.reshape(c.Sequences, c.Steps, -1);
        var there = ones([c.Sequences, c.Steps], x.dtype);
        for (var n = 0; n < c.Lengths.Length; n++)
            for (var t = c.Lengths[n]; t < c.Steps; t++) there[n, t] = 0;
        for (var layer = 0; layer < c.Layers; layer++)
        {
            if (layer > 0 && mask is not null) input = input * mask;
            var directions = new List<Tensor>();
            for (var direction = 0; direction < c.Directions; direction++)
            {
                var suffix = $"_l{layer}{(direction == 1 ? "_reverse" : "")}";
                Tensor h = zeros([c.Sequences, c.Units], x.dtype), cell = h;
                var outputs = new Tensor[c.Steps];
                for (var s = 0; s < c.Steps; s++)
                {
                    var t = direction == 0 ? s : c.Steps - 1 - s;
                    var isThere = there.select(1, t).reshape(-1, 1).ne(0);
                    var (newH, newC) = Step(c.Kind, Part("ih", input.select(1, t)), Part("hh", h), h, cell);
                    outputs[t] = where(isThere, newH, zeros_like(newH));
                    (h, cell) = (where(isThere, newH, h), where(isThere, newC, cell));
                }

                directions.Add(stack(outputs, 1));

                Tensor Part(string which, Tensor of)
                {
                    var part = of.matmul(p[$"{prefix}weight_{which}{suffix}"].t());
                    return p.TryGetValue($"{prefix}bias_{which}{suffix}", out var bias) ? part + bias : part;
                }
            }

            input = cat(directions, 2);
        }

        return input.reshape(c.Rows, -1);
    }

    /// <summary>One of PyTorch's modules, with the layer's weights.</summary>
    public static RecurrentModule Module<T>(RecurrentCase c, Layer<T> layer, double dropout = 0) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var module = new RecurrentModule(c, typeof(T) == typeof(double) ? float64 : float32, dropout);
        var parameters = layer.NamedParameters().ToDictionary(named => named.Name, named => named.Parameter);
        using (no_grad())
        {
            foreach (var (name, tensor) in module.Parameters)
            {
                var parameter = parameters[name];
                tensor.copy_(parameter is MatrixParameter<T> matrix ? Proof.Tensor(matrix.Value) : Proof.Tensor(((VectorParameter<T>)parameter).Value.ToColumnMatrix()).flatten());
            }
        }

        return module;
    }

    private static (Tensor H, Tensor C) Step(string kind, Tensor a, Tensor q, Tensor h, Tensor c)
    {
        if (kind == "RNN") return ((a + q).tanh(), c);
        if (kind == "RNN, ReLU") return ((a + q).relu(), c);
        if (kind == "GRU")
        {
            Tensor[] x = a.chunk(3, 1), hs = q.chunk(3, 1);
            Tensor r = (x[0] + hs[0]).sigmoid(), z = (x[1] + hs[1]).sigmoid(), n = (x[2] + r * hs[2]).tanh();
            return ((1 - z) * n + z * h, c);
        }

        var gates = (a + q).chunk(4, 1);
        var newC = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
        return (gates[3].sigmoid() * newC.tanh(), newC);
    }
}
