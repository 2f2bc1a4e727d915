using System.Numerics;
using Backprop.Kernels;

namespace Backprop;

/// <summary>What one layer of a recurrent network leaves in one direction: a row for each sample of step 0, then those of step 1, and so on.</summary>
internal sealed class RecurrentTrack<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private ReusedMatrix<T> _finalHidden, _finalCell, _initialHiddenGradient, _initialCellGradient;
    private PackedWeight<T>? _ofInput, _ofHidden, _toInput, _toHidden;

    // Of all steps.
    public T[] Gates = [], Kept = [], DGates = [], DOfH = [];

    /// <summary>The states between steps: T + 1 times those of all samples, the one at the left of step t before the one at its right.</summary>
    public T[] Hidden = [], Cell = [];

    // Of a step.
    public T[] OfH = [], DHByGates = [], DHStraight = [], DC = [];

    /// <summary>Of the gates' gradients, over all rows.</summary>
    public T[] Sums = [];

    /// <summary>x W_ih^T + b_ih.</summary>
    public PackedWeight<T> OfInput => _ofInput!;

    /// <summary>h W_hh^T + b_hh.</summary>
    public PackedWeight<T> OfHidden => _ofHidden!;

    /// <summary>da W_ih.</summary>
    public PackedWeight<T> ToInput => _toInput!;

    /// <summary>da W_hh.</summary>
    public PackedWeight<T> ToHidden => _toHidden!;

    /// <summary>Takes the weights as they are, for the way forward.</summary>
    public void Pack(MatrixParameter<T> weightIH, MatrixParameter<T> weightHH, VectorParameter<T>? biasIH, VectorParameter<T>? biasHH)
    {
        (_ofInput ??= new(weightIH.Value.RowCount, weightIH.Value.ColumnCount)).Fill(weightIH.Values, biasIH is null ? [] : biasIH.Values);
        (_ofHidden ??= new(weightHH.Value.RowCount, weightHH.Value.ColumnCount)).Fill(weightHH.Values, biasHH is null ? [] : biasHH.Values);
    }

    /// <summary>The same, for the way back through the steps.</summary>
    public void PackForHidden(MatrixParameter<T> weightHH) => (_toHidden ??= new(weightHH.Value.ColumnCount, weightHH.Value.RowCount)).FillTransposed(weightHH.Values);

    /// <summary>The same, for the way back to the input.</summary>
    public void PackForInput(MatrixParameter<T> weightIH) => (_toInput ??= new(weightIH.Value.ColumnCount, weightIH.Value.RowCount)).FillTransposed(weightIH.Values);

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
