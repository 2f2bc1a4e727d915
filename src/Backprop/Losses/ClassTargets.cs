using System.Numerics;

namespace Backprop.Checks;

/// <summary>What the samples should be: a class each, from a matrix of one column or from integers; or a row of probabilities each.</summary>
internal readonly ref struct ClassTargets<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ReadOnlySpan<T> _values;
    private readonly ReadOnlySpan<int> _classes;

    internal ClassTargets(ReadOnlySpan<int> classes) => _classes = classes;

    internal ClassTargets(ReadOnlySpan<T> values, bool probabilities)
    {
        _values = values;
        AreProbabilities = probabilities;
    }

    /// <summary>Whether there is a row of probabilities for each sample instead of a class.</summary>
    internal bool AreProbabilities { get; }

    /// <summary>The probabilities, samples x classes, column after column; empty where there are classes.</summary>
    internal ReadOnlySpan<T> Probabilities => AreProbabilities ? _values : [];

    /// <summary>The class of a sample.</summary>
    internal int this[int sample] => _classes.IsEmpty ? int.CreateTruncating(_values[sample]) : _classes[sample];
}
