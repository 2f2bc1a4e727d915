namespace Backprop;

/// <summary>How often each class was taken for each: what precision, recall and their like are made of.</summary>
/// <param name="classes">How many classes there are, at least 2.</param>
/// <exception cref="ArgumentOutOfRangeException">There are fewer.</exception>
public sealed class ClassCounts(int classes)
{
    private readonly long[,] _counts = new long[Expect.Positive(nameof(ClassCounts), classes, nameof(classes)), classes];

    /// <summary>How many classes there are.</summary>
    public int Classes => classes;

    /// <summary>Whether the two classes are the sides of one column.</summary>
    internal bool IsBinary { get; init; }

    /// <summary>How many samples were counted.</summary>
    public long Total { get; private set; }

    /// <summary>How many samples of one class were taken for another.</summary>
    /// <param name="actual">The class they have.</param>
    /// <param name="predicted">The class they were taken for.</param>
    public long this[int actual, int predicted] => _counts[actual, predicted];

    /// <summary>The samples of a class that were taken for it.</summary>
    /// <param name="c">The class.</param>
    public long Right(int c) => _counts[c, c];

    /// <summary>The samples of a class.</summary>
    /// <param name="c">The class.</param>
    public long Actual(int c)
    {
        var sum = 0L;
        for (var j = 0; j < Classes; j++) sum += _counts[c, j];
        return sum;
    }

    /// <summary>The samples that were taken for a class.</summary>
    /// <param name="c">The class.</param>
    public long Predicted(int c)
    {
        var sum = 0L;
        for (var i = 0; i < Classes; i++) sum += _counts[i, c];
        return sum;
    }

    /// <summary>Counts a sample.</summary>
    /// <param name="actual">The class it has.</param>
    /// <param name="predicted">The class it was taken for.</param>
    public void Add(int actual, int predicted)
    {
        _counts[actual, predicted]++;
        Total++;
    }
}
