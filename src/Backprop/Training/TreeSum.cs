using System.Numerics;
using System.Numerics.Tensors;

namespace Backprop;

/// <summary>
/// Adds arrays as a balanced tree, ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), while they come one after the other; of a number that is no power of two, the last branch is a smaller one.
/// So whoever has a whole branch can add it by itself, and all get the same bits. Of 2^n arrays it holds at most n.
/// </summary>
/// <param name="leaves">How many there are, at least 1.</param>
internal sealed class TreeSum<T>(int leaves) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T[]?[] _branches = new T[]?[32 - BitOperations.LeadingZeroCount((uint)leaves - 1)];     // the sum of 2^i leaves that waits for the 2^i after it
    private int _count;

    /// <summary>Adds the next one. After the last, and then only, <paramref name="values"/> are the sum.</summary>
    internal void Add(Span<T> values)
    {
        var (level, isLast) = (0, _count + 1 == leaves);
        for (; isLast ? level < _branches.Length : (_count >> level & 1) == 1; level++)
            if ((_count >> level & 1) == 1) TensorPrimitives.Add(_branches[level]!, values, values);
        _count = isLast ? 0 : _count + 1;
        if (!isLast) values.CopyTo(_branches[level] ??= new T[values.Length]);
    }

    /// <summary>Forgets what was added.</summary>
    internal void Clear() => _count = 0;
}
