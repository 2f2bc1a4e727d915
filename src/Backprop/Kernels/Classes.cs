using System.Globalization;
using System.Numerics;

namespace Backprop.Kernels;

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

/// <summary>The one place where classes are checked and where it is said what is wrong with them.</summary>
internal static class Classes
{
    /// <summary>Each an integer from 0 to <paramref name="count"/> - 1, or the ignored one.</summary>
    internal static void Check<T>(object owner, ReadOnlySpan<T> classes, int count, int ignored, string parameter) where T : INumber<T>
    {
        var (end, except) = (T.CreateSaturating(count), T.CreateSaturating(ignored));
        for (var i = 0; i < classes.Length; i++)
        {
            if ((T.IsInteger(classes[i]) && classes[i] >= T.Zero && classes[i] < end) || classes[i] == except) continue;
            throw new ArgumentOutOfRangeException(parameter, string.Create(CultureInfo.InvariantCulture,
                $"{owner} expects classes 0 to {count - 1}, or {ignored} to ignore a sample, but {parameter} has {classes[i]} for sample {i}."));
        }
    }
}
