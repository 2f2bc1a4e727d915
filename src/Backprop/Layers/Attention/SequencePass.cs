using System.Numerics;
using static System.FormattableString;

namespace Backprop;

/// <summary>The pass of a layer that looks at earlier steps of a sequence, or at how many there were: it can go on where the last forward pass ended. <see cref="Continuation{T}"/> lets it.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="layer">The layer that will use the pass.</param>
/// <param name="training">Training mode, as opposed to evaluation mode.</param>
public abstract class SequencePass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Steps of the sequence that came before the first row of the input: 0 but in a <see cref="Continuation{T}"/>.</summary>
    public int Past { get; internal set; }

    /// <summary>Whether rows come as the next steps of one sequence, whose earlier ones the pass has to remember: what it keeps of a step is at its place, from <see cref="Past"/> on.</summary>
    public bool Continues { get; internal set; }

    /// <summary>Steps that the network was given with this call.</summary>
    internal int Coming { get; set; }

    /// <summary>The most steps of a sequence.</summary>
    public abstract int MaxSteps { get; }

    /// <summary>Why the layer cannot go on where it ended; null where it can.</summary>
    public virtual string? WhyNotContinued => null;

    /// <summary>Refuses rows that are not the next steps, one for each: a layer before made others of them, and a place would be taken twice.</summary>
    internal void RequireNext(int rows)
    {
        if (Continues && rows != Coming) throw new ArgumentException(Invariant($"{Layer} goes on by a row for each step: the network was given {Coming}, but {rows} came here."));
    }
}
