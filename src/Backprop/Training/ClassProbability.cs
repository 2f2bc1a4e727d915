using System.Globalization;

namespace Backprop;

/// <summary>A class, and how likely a model says it is: see <see cref="Classes.Top{T}(ReadOnlySpan{T}, int, bool)"/>.</summary>
/// <param name="Class">Its index.</param>
/// <param name="Name">Its name.</param>
/// <param name="Probability">Its probability.</param>
public readonly record struct ClassProbability(int Class, string Name, double Probability)
{
    /// <summary>In words and numbers: <c>virginica 97.3 %</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} {100 * Probability:0.0} %");
}
