using System.Numerics;
using Backprop.Kernels;

namespace Backprop;

/// <summary>What one layer of a recurrent network leaves in one direction: a column for each unit, and in the rows all samples of step 0, then those of step 1, and so on.</summary>
internal sealed class RecurrentTrack<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private ReusedMatrix<T> _finalHidden, _finalCell, _initialHiddenGradient, _initialCellGradient;

    // Of all steps.
    public T[] Gates = [], Kept = [], HBefore = [], CBefore = [], DGates = [], DOfH = [];

    // Of a step.
    public T[] H = [], C = [], OfH = [], DStep = [], DHByGates = [], DHStraight = [], DC = [];

    /// <summary>W_hh^T, in which what belongs to a unit lies side by side.</summary>
    public T[] Transposed = [];

    /// <summary>Puts matrices for so many sequences into a state that the pass gives away.</summary>
    public void Put(RecurrentState<T> state, int track, int sequences, int units, bool hasCell, bool isGradient)
    {
        if (isGradient) state.Put(track, _initialHiddenGradient.Get(sequences, units), hasCell ? _initialCellGradient.Get(sequences, units) : null);
        else state.Put(track, _finalHidden.Get(sequences, units), hasCell ? _finalCell.Get(sequences, units) : null);
    }

    /// <summary>The first entries of an array that is kept; a longer one where it is too short.</summary>
    public static Span<T> Room(ref T[] array, int count)
    {
        if (array.Length < count) array = new T[count];
        return array.AsSpan(0, count);
    }
}
