using System.Globalization;
using System.Numerics;

namespace Backprop.Checks;

/// <summary>Checks of class indices.</summary>
internal static class ClassIndices
{
    /// <summary>Each an integer from 0 to <paramref name="count"/> - 1, or the ignored one.</summary>
    internal static void Check<T>(object owner, ReadOnlySpan<T> classes, int count, int ignored, string parameter) where T : INumber<T>
    {
        var end = T.CreateSaturating(count);
        for (var i = 0; i < classes.Length; i++)
        {
            // A float may be next to the ignored class without being it: compared as integers.
            if (T.IsInteger(classes[i]) && ((classes[i] >= T.Zero && classes[i] < end) || long.CreateSaturating(classes[i]) == ignored)) continue;
            throw new ArgumentOutOfRangeException(parameter, string.Create(CultureInfo.InvariantCulture,
                $"{owner} expects classes 0 to {count - 1}, or {ignored} to ignore a sample, but {parameter} has {classes[i]} for sample {i}."));
        }
    }
}
