using CsCheck;
using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>Sizes and choices of an attention, and PyTorch's way to compute it, operation by operation.</summary>
internal sealed record AttentionCase(int Sequences, int Steps, int Heads, int Pairs, bool Causal, bool Rotary, bool Dropping, bool OfLengths, int Seed)
{
    public const double P = 0.375, Base = 100;

    /// <summary>Short sequences mostly, and some that are longer than what is done at a time.</summary>
    public static readonly Gen<AttentionCase> All = Gen.Select(
        Gen.Select(Gen.Int[1, 3], Gen.Frequency((9, Gen.Int[1, 10]), (1, Gen.Int[30, 40])), Gen.Int[1, 3], Gen.Int[1, 5]),
        Gen.Select(Gen.Bool, Gen.Bool, Gen.Bool, Gen.Bool),
        Gen.Int[0, int.MaxValue - 1],
        (sizes, choices, seed) => new AttentionCase(sizes.Item1, sizes.Item2, sizes.Item3, sizes.Item4, choices.Item1, choices.Item2, choices.Item3, choices.Item4, seed));

    /// <summary>A head's columns: even where they are turned.</summary>
    public int HeadDim => Rotary ? 2 * Pairs : Pairs;

    public int EmbedDim => Heads * HeadDim;

    public int Rows => Sequences * Steps;

    public int[] Lengths
    {
        get
        {
            var random = new Random(Seed);
            return [.. Enumerable.Range(0, Sequences).Select(_ => OfLengths ? random.Next(1, Steps + 1) : Steps)];
        }
    }

    /// <summary>Rows [Q K V] to rows of the output.</summary>
    public Tensor Attend(Tensor qkv)
    {
        var parts = qkv.reshape(Sequences, Steps, 3, Heads, HeadDim).permute(2, 0, 3, 1, 4);
        Tensor q = Turned(parts[0]), k = Turned(parts[1]), v = parts[2];
        var hidden = arange(Steps).unsqueeze(0).ge(tensor(Array.ConvertAll(Lengths, length => (long)length)).unsqueeze(1)).reshape(Sequences, 1, 1, Steps);
        if (Causal) hidden = hidden.logical_or(arange(Steps).reshape(1, Steps).gt(arange(Steps).reshape(Steps, 1)));
        var a = (q.matmul(k.transpose(-1, -2)) / Math.Sqrt(HeadDim)).masked_fill(hidden, double.NegativeInfinity).softmax(-1);
        if (Dropping) a = a * Mask(qkv.dtype);
        return a.matmul(v).transpose(1, 2).reshape(Rows, EmbedDim);
    }

    /// <summary>What PyTorch draws for the weights, samples x heads x queries x keys.</summary>
    public Tensor Mask(ScalarType type)
    {
        var drawn = new double[Sequences * Heads * Steps * Steps];
        new Generator(Seed).Bernoulli<double>(drawn, 1 - P);
        return tensor(drawn, [Sequences, Heads, Steps, Steps]).to(type) / (1 - P);
    }

    private Tensor Turned(Tensor x)
    {
        if (!Rotary) return x;
        var angles = arange(Steps, dtype: float64).reshape(Steps, 1) * pow(Base, arange(HeadDim / 2, dtype: float64) * -2 / HeadDim).reshape(1, HeadDim / 2);
        Tensor cos = angles.cos().to(x.dtype), sin = angles.sin().to(x.dtype), pairs = x.reshape(Sequences, Heads, Steps, HeadDim / 2, 2);
        Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
        return stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(Sequences, Heads, Steps, HeadDim);
    }
}
