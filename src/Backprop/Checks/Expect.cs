using System.Globalization;
using System.Runtime.CompilerServices;
using static System.FormattableString;

namespace Backprop;

/// <summary>Checks of hyperparameters, for constructors of layers, losses and optimizers: who expects what of which one, and what came.</summary>
public static class Expect
{
    /// <summary>Lets a number through that is finite.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="value">The value.</param>
    /// <param name="name">Which argument it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static double Finite(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(double.IsFinite(value), owner, value, "finite", name);

    /// <summary>Lets a number through that is finite and at least 0.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="value">The value.</param>
    /// <param name="name">Which argument it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static double AtLeastZero(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value >= 0 && double.IsFinite(value), owner, value, "finite and at least 0", name);

    /// <summary>Lets a number through that is finite and above 0.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="value">The value.</param>
    /// <param name="name">Which argument it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static double AboveZero(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value > 0 && double.IsFinite(value), owner, value, "finite and above 0", name);

    /// <summary>Lets a number through that is in [0, 1).</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="value">The value.</param>
    /// <param name="name">Which argument it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static double BelowOne(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is >= 0 and < 1, owner, value, "at least 0 and below 1", name);

    /// <summary>Lets a number through that is in [0, 1].</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="value">The value.</param>
    /// <param name="name">Which argument it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static double Fraction(string owner, double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        That(value is >= 0 and <= 1, owner, value, "from 0 to 1", name);

    /// <summary>Lets a choice through that is one of its type's.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="value">The value.</param>
    /// <param name="name">Which argument it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public static TEnum Defined<TEnum>(string owner, TEnum value, [CallerArgumentExpression(nameof(value))] string name = "") where TEnum : struct, Enum => Enum.IsDefined(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, $"{owner} expects {name} to be one of {string.Join(", ", Enum.GetNames<TEnum>())}, but it is {Signature.Choice(value)}.");

    /// <summary>Lets a value through that is not null.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">Which argument it is.</param>
    /// <exception cref="ArgumentNullException">It is.</exception>
    public static TValue NotNull<TValue>(TValue value, [CallerArgumentExpression(nameof(value))] string name = "") where TValue : class
    {
        ArgumentNullException.ThrowIfNull(value, name);
        return value;
    }

    /// <summary>Lets a number through that fulfils a condition.</summary>
    /// <param name="fulfilled">Whether it does.</param>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="value">The value.</param>
    /// <param name="expectation">The condition in words, as they follow "to be".</param>
    /// <param name="name">Which argument it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">It does not.</exception>
    public static double That(bool fulfilled, string owner, double value, string expectation, [CallerArgumentExpression(nameof(value))] string name = "") => fulfilled
        ? value
        : throw new ArgumentOutOfRangeException(name, string.Create(CultureInfo.InvariantCulture, $"{owner} expects {name} to be {expectation}, but it is {value}."));

    /// <summary>Lets a size through that is at least 1.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="size">The size.</param>
    /// <param name="parameter">Which argument it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public static int Positive(object owner, int size, string parameter) => size >= 1
        ? size
        : throw new ArgumentOutOfRangeException(parameter, Invariant($"{size}"), $"{owner} expects {parameter} to be at least 1.");    // a text, since the exception would write it by the culture
}
