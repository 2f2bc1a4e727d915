using System.Numerics;
using CsCheck;

namespace Backprop.Tests;

/// <summary>A recurrent layer and a batch for it, with any of the options.</summary>
public sealed record RecurrentCase(string Kind, int Sequences, int Steps, int Inputs, int Units, int Layers, bool Bidirectional, bool Bias, bool HasLengths, int Seed)
{
    internal static readonly Gen<RecurrentCase> Any =
        from sizes in Gen.Select(Gen.Int[1, 5], Gen.Int[1, 5], Gen.Int[1, 4], Gen.Int[1, 5], Gen.Int[1, 3])
        from options in Gen.Select(Gen.Bool, Gen.Bool, Gen.Bool, Gen.Int[0, int.MaxValue - 9])
        select new RecurrentCase("", sizes.Item1, sizes.Item2, sizes.Item3, sizes.Item4, sizes.Item5, options.Item1, options.Item2, options.Item3, options.Item4);

    public int Rows => Sequences * Steps;

    public int Directions => Bidirectional ? 2 : 1;

    public int[] Lengths => HasLengths ? LengthsOf(Sequences) : [];

    public int[] LengthsOf(int sequences) => [.. Enumerable.Range(0, sequences).Select(n => 1 + (Seed / 7 + 3 * n) % Steps)];

    public Recurrent<T> Make<T>(double dropout = 0, Generator? generator = null, int? steps = null) where T : unmanaged, IFloatingPointIeee754<T>
    {
        generator ??= new Generator(Seed);
        return Kind switch
        {
            "LSTM" => new LSTM<T>(Inputs, Units, steps ?? Steps, Layers, Bidirectional, dropout, Bias, generator),
            "GRU" => new GRU<T>(Inputs, Units, steps ?? Steps, Layers, Bidirectional, dropout, Bias, generator),
            _ => new RNN<T>(Inputs, Units, steps ?? Steps, Layers, Kind == "RNN, ReLU" ? RecurrentNonlinearity.ReLU : RecurrentNonlinearity.Tanh, Bidirectional, dropout, Bias, generator),
        };
    }
}
