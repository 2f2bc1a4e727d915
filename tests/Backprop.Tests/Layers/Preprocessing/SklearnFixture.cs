using System.Globalization;
using System.Numerics;
using Backprop.Torch;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>A line of tests/fixtures/preprocessing.txt: what scikit-learn itself computed.</summary>
internal static class SklearnFixture
{
    private static readonly Dictionary<(string Name, string Type), string[]> All = Fixture.Lines("preprocessing").ToDictionary(fields => (fields[0], fields[1]));

    public static Matrix<T> Of<T>(string name) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var fields = All[(name, Fixture.TypeName<T>())];
        var sizes = Array.ConvertAll(fields[2].Split('x'), size => int.Parse(size, CultureInfo.InvariantCulture));
        return Matrix<T>.Build.DenseOfRowMajor(sizes[0], sizes[1], fields[3].Split(' ').Select(value => T.CreateChecked(value == "nan" ? double.NaN : double.Parse(value, CultureInfo.InvariantCulture))));
    }

    /// <summary>As near as every value is, or nearer than what the type's own rounding of the operands allows.</summary>
    public static void Agrees<T>(Matrix<T> ours, string name, double conditioning = 0) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (theirs, limit) = (Of<T>(name), Tolerance.Of<T>());
        (ours.RowCount, ours.ColumnCount).Should().Be((theirs.RowCount, theirs.ColumnCount));
        foreach (var (a, b) in ours.Enumerate().Zip(theirs.Enumerate(), (a, b) => (double.CreateChecked(a), double.CreateChecked(b))))
            a.Should().BeApproximately(b, Math.Max(conditioning, limit.Absolute + limit.Relative * Math.Abs(b)), "{0} of scikit-learn", name);
    }
}
