using System.Globalization;

namespace Backprop;

/// <summary>How layers, losses and optimizers write themselves: as their constructor reads, without what is as usual.</summary>
public static class Signature
{
    /// <summary><c>name(first, second)</c>; empty arguments are left out.</summary>
    /// <param name="name">The type's name.</param>
    /// <param name="arguments">Its arguments as they shall be read.</param>
    public static string Call(string name, params ReadOnlySpan<string> arguments)
    {
        var given = new List<string>();
        foreach (var argument in arguments)
            if (argument.Length > 0) given.Add(argument);
        return $"{name}({string.Join(", ", given)})";
    }

    /// <summary>A number as it reads in every culture.</summary>
    /// <param name="value">The number.</param>
    public static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>One of several choices; one that is none of them by its number, which an enumeration would write by the culture.</summary>
    /// <param name="value">The choice.</param>
    /// <exception cref="ArgumentNullException"><paramref name="value"/> is null.</exception>
    public static string Choice(Enum value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return Enum.IsDefined(value.GetType(), value) ? value.ToString() : Convert.ToDecimal(value, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture);
    }
}
