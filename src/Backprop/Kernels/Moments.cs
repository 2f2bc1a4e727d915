using System.Numerics;

namespace Backprop.Kernels;

/// <summary>Mean, variance and 1/sigma of each row or column, and sums over it; room that a pass reuses.</summary>
/// <remarks>
/// Sums of squares lose everything where the mean is large. So the mean is taken first and the variance from the deviations d = x - mean. That
/// mean is rounded, too: Rest, the mean of d, is what it lacks, and var = mean(d²) - Rest² (T. Chan, G. Golub and R. LeVeque,
/// Algorithms for computing the sample variance, The American Statistician 37, 1983). Then x̂ = (x - Mean - Rest) r loses no digit of x - mean.
/// </remarks>
internal sealed class Moments<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private T[] _values = [];
    private int _size;

    /// <summary>How many rows or columns there is room for.</summary>
    public int Count { get; private set; }

    /// <summary>The mean, rounded.</summary>
    public Span<T> Mean => Values(0);

    /// <summary>What the rounded mean lacks.</summary>
    public Span<T> Rest => Values(1);

    /// <summary>The variance, with the number of elements as divisor.</summary>
    public Span<T> Variance => Values(2);

    /// <summary>r = 1/sigma = 1/sqrt(var + eps).</summary>
    public Span<T> InverseDeviation => Values(3);

    /// <summary>A sum of dX̂ in the backward pass.</summary>
    public Span<T> Sum => Values(4);

    /// <summary>A sum of dX̂ x̂ in the backward pass.</summary>
    public Span<T> SumTimes => Values(5);

    /// <summary>Makes room, all zeros, for so many rows or columns, and to whole vectors beyond.</summary>
    public void Clear(int count)
    {
        Count = count;
        _size = (count + 15) / 16 * 16;
        if (_values.Length < 6 * _size) _values = new T[6 * _size];
        else _values.AsSpan(0, 6 * _size).Clear();
    }

    private Span<T> Values(int index) => _values.AsSpan(index * _size, _size);
}
