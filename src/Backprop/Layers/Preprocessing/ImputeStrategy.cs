namespace Backprop;

/// <summary>What <see cref="Impute{T}"/> fills gaps of a column with.</summary>
public enum ImputeStrategy
{
    /// <summary>The mean of the column's values.</summary>
    Mean,

    /// <summary>The value in their middle; of an even number of values, the mean of the two.</summary>
    Median,

    /// <summary>The value that comes most often; of several, the smallest.</summary>
    MostFrequent,

    /// <summary>A constant that is given.</summary>
    Constant,
}
