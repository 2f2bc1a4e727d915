using System.Numerics;

namespace Backprop;

/// <summary>What the samples should be: a class each, from a matrix of one column or from integers; or a row of probabilities each.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly ref struct ClassTargets<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ReadOnlySpan<T> _values;
    private readonly ReadOnlySpan<int> _classes;

    /// <summary>Classes as integers.</summary>
    /// <param name="classes">The class of each sample.</param>
    public ClassTargets(ReadOnlySpan<int> classes) => _classes = classes;

    /// <summary>What a matrix holds.</summary>
    /// <param name="values">A class for each sample, or the probabilities, column after column.</param>
    /// <param name="probabilities">Which of the two.</param>
    public ClassTargets(ReadOnlySpan<T> values, bool probabilities)
    {
        _values = values;
        AreProbabilities = probabilities;
    }

    /// <summary>Whether there is a row of probabilities for each sample instead of a class.</summary>
    public bool AreProbabilities { get; }

    /// <summary>The probabilities, samples x classes, column after column; empty where there are classes.</summary>
    public ReadOnlySpan<T> Probabilities => AreProbabilities ? _values : [];

    /// <summary>The class of a sample.</summary>
    /// <param name="sample">The sample.</param>
    public int this[int sample] => _classes.IsEmpty ? int.CreateTruncating(_values[sample]) : _classes[sample];
}
