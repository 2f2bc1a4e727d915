using System.Numerics;
using System.Numerics.Tensors;

namespace Backprop;

/// <summary>
/// Adds 2^n arrays as a balanced tree, ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), while they come one after the other. So whoever has a whole branch can add it by
/// itself, and all get the same bits. Holds at most n arrays.
/// </summary>
/// <param name="leaves">How many there are, a power of two.</param>
internal sealed class TreeSum<T>(int leaves) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T[]?[] _branches = new T[]?[BitOperations.Log2((uint)leaves)];     // the sum of 2^i leaves that waits for the 2^i after it
    private int _count;

    /// <summary>Adds the next one. After the last, and then only, <paramref name="values"/> are the sum.</summary>
    internal void Add(Span<T> values)
    {
        var level = 0;
        for (; (_count >> level & 1) == 1; level++) TensorPrimitives.Add(_branches[level]!, values, values);
        _count++;
        if (_count == leaves) _count = 0;
        else values.CopyTo(_branches[level] ??= new T[values.Length]);
    }

    /// <summary>Forgets what was added.</summary>
    internal void Clear() => _count = 0;
}
