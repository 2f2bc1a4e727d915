using System.Globalization;
using System.Numerics;

namespace Backprop.Walkthrough;

/// <summary>The sizes of a GPT.</summary>
internal sealed record GptSizes(int Vocabulary, int Steps, int Width, int Heads, int Layers);

/// <summary>GPT-2's structure and names (A. Radford et al., Language models are unsupervised multitask learners, 2019), of any size.</summary>
internal static class Gpt
{
    private const double Std = 0.02;

    /// <summary>Its standard deviations too: 0.02, and less where many layers add to the same sum.</summary>
    public static Sequential<T> Create<T>(GptSizes sizes, double dropout, Generator generator, Generator drops) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var wte = new Embedding<T>(sizes.Vocabulary, sizes.Width, generator: generator);
        var wpe = new PositionalEmbedding<T>(sizes.Steps, sizes.Width, generator);
        Init.Normal(wte.Weight, 0, Std, generator);
        Init.Normal(wpe.Weight, 0, Std, generator);
        var blocks = new Sequential<T>();
        for (var i = 0; i < sizes.Layers; i++) blocks.Add(i.ToString(CultureInfo.InvariantCulture), new GptBlock<T>(sizes, dropout, Std, generator, drops));
        return new Sequential<T>
        {
            { "wte", wte },
            { "wpe", wpe },
            { "drop", new Dropout<T>(dropout, drops) },
            { "h", blocks },
            { "ln_f", new LayerNorm<T>(sizes.Width) },
            { "lm_head", new Linear<T>(wte.Weight) },      // the same table, read the other way
        };
    }
}
