using System.Numerics;

namespace Backprop;

/// <summary>A pass of <see cref="Embedding{T}"/>: it saves the indices as integers.</summary>
internal sealed class EmbeddingPass<T>(Layer<T> layer, bool training) : ForwardPass<T>(layer, training) where T : unmanaged, IFloatingPointIeee754<T>
{
    private int[] _indices = [];

    public ReadOnlySpan<int> Indices => _indices;

    public Span<int> NewIndices(int count)
    {
        if (_indices.Length < count) _indices = new int[count];
        return _indices.AsSpan(0, count);
    }
}
