using System.Globalization;
using System.Numerics;
using Backprop.Torch;
using FluentAssertions;

namespace Backprop.Tests;

/// <summary>A line of tests/fixtures/layers.txt: what PyTorch itself computed.</summary>
internal static class LayerFixture
{
    private static readonly Dictionary<(string Name, string Type), double[]> All = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "fixtures", "layers.txt"))
        .Select(line => line.Split(';'))
        .ToDictionary(f => (f[0], f[1]), f => Array.ConvertAll(f[2].Split(' '), value => double.Parse(value, CultureInfo.InvariantCulture)));

    /// <summary>The values, row after row.</summary>
    public static T[] Of<T>(FormattableString name) where T : unmanaged, IFloatingPointIeee754<T> =>
        Array.ConvertAll(All[(FormattableString.Invariant(name), typeof(T) == typeof(double) ? "float64" : "float32")], T.CreateChecked);

    public static long Count(FormattableString name) => (long)All[(FormattableString.Invariant(name), "int64")][0];

    /// <summary>As near as every gradient is.</summary>
    public static void Agrees<T>(ReadOnlySpan<T> ours, FormattableString name) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (theirs, limit) = (Of<T>(name), Tolerance.Of<T>());
        ours.Length.Should().Be(theirs.Length);
        for (var i = 0; i < theirs.Length; i++)
        {
            var b = double.CreateChecked(theirs[i]);
            double.CreateChecked(ours[i]).Should().BeApproximately(b, limit.Absolute + limit.Relative * Math.Abs(b), "{0} of PyTorch, entry {1}", name, i);
        }
    }
}
