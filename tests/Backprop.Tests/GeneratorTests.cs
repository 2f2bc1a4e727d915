using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class GeneratorTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [Fact]
    public void Uniform_has_PyTorchs_bits()
    {
        foreach (var f in GeneratorFixture.Of<T>("uniform"))
        {
            var values = new T[f.Size];
            new Generator(f.Seed).Uniform<T>(values, f.A, f.B);
            f.ShouldHaveTheBitsOf<T>(values);
        }
    }

    /// <summary>The weight's bound, sqrt(3) gain / sqrt(in) with gain = sqrt(2 / (1 + a^2)), a = sqrt(5), often differs from 1 / sqrt(in) in the last bit of a double.</summary>
    [Fact]
    public void A_linear_layers_initial_values_have_PyTorchs_bits()
    {
        double gain = Math.Sqrt(2 / (1 + Math.Sqrt(5) * Math.Sqrt(5)));
        foreach (var f in GeneratorFixture.Of<T>("linear"))
        {
            double weight = Math.Sqrt(3) * (gain / Math.Sqrt(f.A)), bias = 1 / Math.Sqrt(f.A);
            var values = new T[f.Size];
            var generator = new Generator(f.Seed);
            generator.Uniform(values.AsSpan(0, f.Size - 3), -weight, weight);
            generator.Uniform(values.AsSpan(f.Size - 3), -bias, bias);
            f.ShouldHaveTheBitsOf<T>(values);
        }
    }

    [Fact]
    public void A_matrix_is_filled_row_after_row()
    {
        var flat = new T[15];
        new Generator(3).Uniform<T>(flat, -1, 1);
        var matrix = Matrix<T>.Build.Dense(3, 5);
        new Generator(3).Uniform(matrix, -1, 1);
        matrix.ToRowMajorArray().Should().Equal(flat);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(double.NaN, 1)]
    [InlineData(0, double.PositiveInfinity)]
    [InlineData(-double.MaxValue, double.MaxValue)]
    public void Uniform_refuses_bounds_that_are_none_and_draws_nothing(double from, double to)
    {
        var generator = new Generator(1);
        var fill = () => generator.Uniform<T>(new T[3], from, to);
        fill.Should().Throw<ArgumentException>().WithMessage("Uniform expects finite bounds, from <= to, but from is * and to is *(Parameter 'from')");
        generator.Next64().Should().Be(new Generator(1).Next64());
    }
}

public class GeneratorDoubleTests : GeneratorTests<double>;

public class GeneratorSingleTests : GeneratorTests<float>;

/// <summary>A line of tests/fixtures/generator.txt.</summary>
internal sealed record GeneratorFixture(string Operation, string Type, long Seed, int Size, double A, double B, string First, string Hash)
{
    private static readonly GeneratorFixture[] All = [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "fixtures", "generator.txt")).Select(Parse)];

    public static IEnumerable<GeneratorFixture> Of<T>(string operation)
    {
        string type = typeof(T) == typeof(double) ? "float64" : typeof(T) == typeof(float) ? "float32" : "int64";
        var found = All.Where(f => f.Operation == operation && f.Type == type).ToArray();
        found.Should().NotBeEmpty();
        return found;
    }

    public unsafe void ShouldHaveTheBitsOf<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        var first = new List<string>();
        for (int i = 0; i < Math.Min(4, values.Length); i++)
        {
            var value = bytes.Slice(i * sizeof(T), sizeof(T)).ToArray();
            Array.Reverse(value);
            first.Add(Convert.ToHexStringLower(value));
        }
        string.Join(' ', first).Should().Be(First, "{0}", this);
        Convert.ToHexStringLower(SHA256.HashData(bytes)).Should().Be(Hash, "{0}", this);
    }

    private static GeneratorFixture Parse(string line)
    {
        string[] f = line.Split(';');
        return new(f[0], f[1], long.Parse(f[2], CultureInfo.InvariantCulture), int.Parse(f[3], CultureInfo.InvariantCulture), Number(f[4]), Number(f[5]), f[6], f[7]);
    }

    private static double Number(string bits) => BitConverter.UInt64BitsToDouble(Convert.ToUInt64(bits, 16));
}
