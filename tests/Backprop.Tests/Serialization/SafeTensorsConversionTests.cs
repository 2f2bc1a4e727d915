using System.Globalization;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public sealed class SafeTensorsConversionTests
{
    private static readonly double[] Doubles = [1, -2.5, 1.0 / 3, 3.4e38, -3.4e38, 1e-300, double.NaN, double.NegativeInfinity, 16777217];
    private static readonly float[] Singles = [.. Doubles.Select(x => (float)x)];

    [Fact]
    public void Reading_converts_only_on_request()
    {
        using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Written(writer =>
        {
            writer.Add("double", [3, 3], Doubles);
            writer.Add("single", [3, 3], Singles);
        }));
        var singles = new float[9];
        var doubles = new double[9];

        Reading(() => file.Read<float>("double", singles)).Should().Throw<InvalidDataException>()
            .WithMessage("The tensor 'double' in The stream is F64, not Single; converting must be asked for.");
        Reading(() => file.ReadColumnMajor<double>("single", doubles)).Should().Throw<InvalidDataException>()
            .WithMessage("The tensor 'single' in The stream is F32, not Double; converting must be asked for.");
        singles.Should().OnlyContain(x => x == 0, "nothing was read");

        file.Read<float>("double", singles, convert: true);
        singles.Should().Equal(Singles);
        file.Read<double>("single", doubles, convert: true);
        doubles.Should().Equal(Singles.Select(x => (double)x));

        file.ReadColumnMajor<float>("double", singles, convert: true);
        singles.Should().Equal(Transposed(Singles));
        file.ReadColumnMajor<double>("single", doubles, convert: true);
        doubles.Should().Equal(Transposed(Singles).Select(x => (double)x));
    }

    [Fact]
    public void Writing_converts_only_on_request()
    {
        byte[] singles = SafeTensorsBytes.Written(writer => writer.Add("a", [3, 3], Singles));
        SafeTensorsBytes.Written(writer => writer.Add("a", [3, 3], Doubles, SafeTensorsType.F32)).Should().Equal(singles);
        SafeTensorsBytes.Written(writer => writer.AddColumnMajor("a", [3, 3], Transposed(Doubles), SafeTensorsType.F32)).Should().Equal(singles);

        double[] rounded = [.. Singles.Select(x => (double)x)];
        SafeTensorsBytes.Written(writer => writer.Add("a", [3, 3], Singles, SafeTensorsType.F64))
            .Should().Equal(SafeTensorsBytes.Written(writer => writer.Add("a", [3, 3], rounded)));
    }

    [Fact]
    public void Integers_are_never_converted()
    {
        using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Written(writer => writer.Add("n", [], [1L])));
        Reading(() => file.Read<double>("n", new double[1], convert: true)).Should().Throw<InvalidDataException>()
            .WithMessage("The tensor 'n' in The stream is I64, not Double, and is not converted.");
        Reading(() => new SafeTensorsWriter().Add("n", [], [1L], SafeTensorsType.F64)).Should().Throw<ArgumentException>()
            .WithMessage("The tensor 'n' is I64 and cannot be stored as F64: only F32 and F64 are converted, to F16, BF16, F32 or F64. (Parameter 'storeAs')");
    }

    [Fact]
    public void Large_tensors_are_converted_in_parts()
    {
        double[] values = [.. Enumerable.Range(0, 300_001).Select(i => i + 0.5)];
        using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Written(writer => writer.Add("a", [values.Length], values, SafeTensorsType.F32)));
        var read = new double[values.Length];
        file.Read<double>("a", read, convert: true);
        Assert.True(read.AsSpan().SequenceEqual(values));
    }

    [Theory]
    [InlineData(SafeTensorsType.F16, 10, 15)]
    [InlineData(SafeTensorsType.BF16, 7, 127)]
    public void All_numbers_of_16_bits_are_read_exactly(SafeTensorsType type, int mantissaBits, int bias)
    {
        byte[] bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes<ushort>([.. Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits)]).ToArray();
        using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Of(
            System.Text.Encoding.ASCII.GetBytes($$$"""{"a":{"dtype":"{{{type.Name()}}}","shape":[256,256],"data_offsets":[0,131072]}}"""), bytes));
        double[] expected = [.. Enumerable.Range(0, 1 << 16).Select(bits => Number16(bits, mantissaBits, bias))];

        var doubles = new double[1 << 16];
        file.Read<double>("a", doubles, convert: true);
        doubles.Select(BitConverter.DoubleToInt64Bits).Should().Equal(expected.Select(BitConverter.DoubleToInt64Bits), (a, b) => a == b || (IsNaN(a) && IsNaN(b)));
        var singles = new float[1 << 16];
        file.Read<float>("a", singles, convert: true);
        singles.Select(x => BitConverter.DoubleToInt64Bits(x)).Should().Equal(expected.Select(BitConverter.DoubleToInt64Bits), (a, b) => a == b || (IsNaN(a) && IsNaN(b)));
        file.ReadColumnMajor<float>("a", singles, convert: true);
        singles[1].Should().Be((float)expected[256]);

        Reading(() => file.Read<float>("a", singles)).Should().Throw<InvalidDataException>()
            .WithMessage($"The tensor 'a' in The stream is {type}, not Single; converting must be asked for.");

        static bool IsNaN(long bits) => double.IsNaN(BitConverter.Int64BitsToDouble(bits));
    }

    [Theory]
    [InlineData(SafeTensorsType.F16, 10, 15)]
    [InlineData(SafeTensorsType.BF16, 7, 127)]
    public void Numbers_are_stored_in_16_bits_by_one_rounding_to_the_nearest(SafeTensorsType type, int mantissaBits, int bias)
    {
        // Half-way between each two neighbours, and a hair beside it: in double a hair that a float does not have.
        int infinity = ((1 << (15 - mantissaBits)) - 1) << mantissaBits;
        var values = new List<double> { 0, double.Epsilon, float.Epsilon, double.NaN, double.PositiveInfinity };
        var expected = new List<int> { 0, 0, 0, -1, infinity };
        for (int bits = 0; bits < infinity - 1; bits++)
        {
            double half = (Number16(bits, mantissaBits, bias) + Number16(bits + 1, mantissaBits, bias)) / 2;
            values.AddRange([Number16(bits, mantissaBits, bias), Math.BitDecrement(half), half, Math.BitIncrement(half)]);
            expected.AddRange([bits, bits, bits + (bits & 1), bits + 1]);
        }

        CheckStored<double>([.. values]);
        CheckStored<float>([.. values.Select(x => (float)x)]);

        void CheckStored<T>(T[] numbers) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
        {
            T[] both = [.. numbers, .. numbers.Select(x => -x)];
            byte[] file = SafeTensorsBytes.Written(writer => writer.Add("a", [both.Length], both, type));
            var stored = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(file.AsSpan(file.Length - 2 * both.Length)).ToArray();
            for (int i = 0; i < both.Length; i++)
            {
                int sign = i < numbers.Length ? 0 : 0x8000, wanted = expected[i % numbers.Length];
                // A float beside the half may be the half itself, or a neighbour.
                if (typeof(T) == typeof(float) && wanted >= 0) wanted = Nearest(double.CreateChecked(numbers[i % numbers.Length]), wanted);
                if (wanted < 0) Assert.True(double.IsNaN(Number16(stored[i], mantissaBits, bias)));
                else Assert.True(stored[i] == (wanted | sign), $"{both[i]:R} is stored as {stored[i]:x4}, not {wanted | sign:x4}");
            }
        }

        int Nearest(double value, int near)
        {
            if (near == infinity) return near;
            int below = near;
            while (below > 0 && Number16(below, mantissaBits, bias) > value) below--;
            while (Number16(below + 1, mantissaBits, bias) <= value) below++;
            double half = (Number16(below, mantissaBits, bias) + Number16(below + 1, mantissaBits, bias)) / 2;
            return value < half ? below : value > half ? below + 1 : below + (below & 1);
        }
    }

    [Theory]
    [InlineData(SafeTensorsType.F16, 65519.999, 65520)]
    [InlineData(SafeTensorsType.BF16, 3.3961775292304e38, 3.39617752923046e38)]
    [InlineData(SafeTensorsType.F32, 3.4028235677973362e38, 3.4028235677973366e38)]
    public void A_number_that_would_become_infinite_is_not_stored(SafeTensorsType type, double last, double first)
    {
        SafeTensorsBytes.Written(writer => writer.Add("a", [2], [last, -last], type));
        foreach (double value in (double[])[first, -first, double.MaxValue])
        {
            var writer = new SafeTensorsWriter();
            writer.AddColumnMajor("layer.weight", [2, 3], [double.NaN, 1, double.PositiveInfinity, 2, 3, value], type);
            using var stream = new MemoryStream();
            Reading(() => writer.Write(stream)).Should().Throw<OverflowException>()
                .WithMessage(string.Create(CultureInfo.InvariantCulture, $"The tensor 'layer.weight' has {value} at [1, 2], beyond the range of {type}."));
            stream.Length.Should().Be(0);
        }
    }

    [Fact]
    public void A_number_that_would_become_infinite_is_not_read()
    {
        double[] values = [1, double.PositiveInfinity, double.NaN, 4, -1e300, 6];
        using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Written(writer => writer.Add("a", [2, 3], values)));
        foreach (bool columnMajor in (bool[])[false, true])
        {
            var read = new float[6];
            Reading(() => { if (columnMajor) file.ReadColumnMajor<float>("a", read, convert: true); else file.Read<float>("a", read, convert: true); })
                .Should().Throw<InvalidDataException>().WithMessage("The tensor 'a' in The stream has -1E+300 at [1, 1], beyond the range of float.");
            read.Should().OnlyContain(x => x == 0);
        }

        file.Read<double>("a", values);
    }

    [Theory]
    [InlineData(300, 2001)]
    [InlineData(2, 300_007)]
    [InlineData(129, 4097)]
    public void Large_matrices_are_converted_in_parts(int rows, int columns)
    {
        float[] matrix = [.. Enumerable.Range(0, rows * columns).Select(i => i % 256 / 16f)];
        foreach (var type in (SafeTensorsType[])[SafeTensorsType.F16, SafeTensorsType.BF16, SafeTensorsType.F64])
        {
            using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Written(writer => writer.AddColumnMajor("a", [rows, columns], matrix, type)));
            var read = new float[matrix.Length];
            file.ReadColumnMajor<float>("a", read, convert: true);
            Assert.True(read.AsSpan().SequenceEqual(matrix));
        }
    }

    /// <summary>What 16 bits mean: a sign, an exponent, and the rest of a mantissa that begins with 1 unless the exponent is 0.</summary>
    private static double Number16(int bits, int mantissaBits, int bias)
    {
        int exponent = (bits & 0x7fff) >> mantissaBits, mantissa = bits & ((1 << mantissaBits) - 1), most = (1 << (15 - mantissaBits)) - 1;
        double size = exponent == most ? mantissa == 0 ? double.PositiveInfinity : double.NaN
            : exponent == 0 ? Math.ScaleB(mantissa, 1 - bias - mantissaBits)
            : Math.ScaleB(mantissa + (1 << mantissaBits), exponent - bias - mantissaBits);
        return (bits & 0x8000) != 0 ? -size : size;
    }

    private static Action Reading(Action read) => read;

    private static TValue[] Transposed<TValue>(TValue[] values) => [.. Enumerable.Range(0, 9).Select(i => values[i % 3 * 3 + i / 3])];
}
