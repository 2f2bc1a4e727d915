using System.Globalization;
using System.Runtime.CompilerServices;

namespace Backprop.Checks;

/// <summary>Checks of hyperparameters: who expects what of which one, and what came.</summary>
internal static class Expect
{
    internal static double Finite(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(double.IsFinite(value), owner, value, "finite", name);

    internal static double AtLeastZero(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value >= 0 && double.IsFinite(value), owner, value, "finite and at least 0", name);

    internal static double AboveZero(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value > 0 && double.IsFinite(value), owner, value, "finite and above 0", name);

    /// <summary>In [0, 1).</summary>
    internal static double BelowOne(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is >= 0 and < 1, owner, value, "at least 0 and below 1", name);

    /// <summary>In [0, 1].</summary>
    internal static double Fraction(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is >= 0 and <= 1, owner, value, "from 0 to 1", name);

    internal static TEnum Defined<TEnum>(string owner, TEnum value, [CallerArgumentExpression(nameof(value))] string name = "") where TEnum : struct, Enum => Enum.IsDefined(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, $"{owner} expects {name} to be one of {string.Join(", ", Enum.GetNames<TEnum>())}, but it is {value}.");

    internal static TValue NotNull<TValue>(TValue value, [CallerArgumentExpression(nameof(value))] string name = "") where TValue : class
    {
        ArgumentNullException.ThrowIfNull(value, name);
        return value;
    }

    internal static double That(bool fulfilled, string owner, double value, string expectation, [CallerArgumentExpression(nameof(value))] string name = "") => fulfilled
        ? value
        : throw new ArgumentOutOfRangeException(name, string.Create(CultureInfo.InvariantCulture, $"{owner} expects {name} to be {expectation}, but it is {value}."));

    /// <summary>A size of at least 1.</summary>
    internal static int Positive(object owner, int size, string parameter) => size >= 1
        ? size
        : throw new ArgumentOutOfRangeException(parameter, size, $"{owner} expects {parameter} to be at least 1.");
}
