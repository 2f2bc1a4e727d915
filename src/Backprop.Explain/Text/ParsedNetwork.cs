using System.Numerics;

namespace Backprop.Explain;

/// <summary>What <see cref="NetworkText.Parse{T}"/> made of a text: a model, a loss, and the text anew.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ParsedNetwork<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    internal ParsedNetwork(int inputs, Sequential<T> model, Loss<T> loss, IReadOnlyList<string> layers, string lossText, IReadOnlyList<int>? widths, string? activation)
    {
        (Inputs, Model, Loss, Layers, LossText, Widths) = (inputs, model, loss, layers, lossText, widths);
        Short = widths is null ? null : $"{string.Join('-', widths.Select(width => Signature.Number(width)))}{(activation is null ? "" : $" {activation}")} {lossText}";
    }

    /// <summary>The columns of the input.</summary>
    public int Inputs { get; }

    /// <summary>The network.</summary>
    public Sequential<T> Model { get; }

    /// <summary>The loss.</summary>
    public Loss<T> Loss { get; }

    /// <summary>The layers of <see cref="Model"/> as the long form has them, with the names that are no numbers.</summary>
    public IReadOnlyList<string> Layers { get; }

    /// <summary>The loss as the text has it.</summary>
    public string LossText { get; }

    /// <summary>The widths, where the network can be said in the short form; else null.</summary>
    public IReadOnlyList<int>? Widths { get; }

    /// <summary>The network as the long form says it, whatever the form it was given in.</summary>
    public string InFull => $"{Signature.Number(Inputs)} {string.Concat(Layers.Select(layer => layer + " "))}{LossText}";

    private string? Short { get; }

    /// <summary>The shortest text that gives the same network: settings that are as usual are left out.</summary>
    public override string ToString() => Short ?? InFull;

    /// <summary>Model and loss.</summary>
    public void Deconstruct(out Sequential<T> model, out Loss<T> loss) => (model, loss) = (Model, Loss);
}
