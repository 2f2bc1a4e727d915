using System.Numerics;

namespace Backprop;

/// <summary>A pass of a layer that makes one row of each sequence: it saves how long they were, and which step was chosen.</summary>
internal sealed class OverTimePass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    private int[] _lengths = [], _chosen = [];
    private int _countOfLengths, _countOfChosen;

    /// <summary>The lengths of the last forward pass; empty where all steps were there.</summary>
    public ReadOnlySpan<int> Lengths => _lengths.AsSpan(0, _countOfLengths);

    public ReadOnlySpan<int> Chosen => _chosen.AsSpan(0, _countOfChosen);

    public void Keep(ReadOnlySpan<int> lengths)
    {
        if (_lengths.Length < lengths.Length) _lengths = new int[lengths.Length];
        lengths.CopyTo(_lengths);
        _countOfLengths = lengths.Length;
    }

    public Span<int> NewChosen(int count)
    {
        if (_chosen.Length < count) _chosen = new int[count];
        return _chosen.AsSpan(0, _countOfChosen = count);
    }
}
