using System.Globalization;
using System.Numerics;

namespace Backprop.Tests;

/// <summary>What PyTorch computed, from a file in tests/fixtures: lines of fields, separated by semicolons.</summary>
internal static class Fixture
{
    public static IEnumerable<string[]> Lines(string name) =>
        File.ReadLines(Path.Combine(AppContext.BaseDirectory, "fixtures", $"{name}.txt")).Select(line => line.Split(';'));

    /// <summary>Values from their bits in hexadecimal.</summary>
    public static T[] Values<T>(string field) where T : unmanaged, INumberBase<T> => [.. field.Split(' ').Select(bits => T.CreateChecked(Value(bits)))];

    /// <summary>PyTorch's name of a type.</summary>
    public static string TypeName<T>() => typeof(T) == typeof(double) ? "float64" : "float32";

    private static double Value(string bits) => bits.Length == 16
        ? BitConverter.UInt64BitsToDouble(ulong.Parse(bits, NumberStyles.HexNumber, CultureInfo.InvariantCulture))
        : BitConverter.UInt32BitsToSingle(uint.Parse(bits, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
}
