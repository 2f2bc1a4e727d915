using System.IO.Compression;
using System.Numerics;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public abstract class SafeTensorsRoundTripTests<T> where T : unmanaged, INumber<T>
{
    private static T[] Values(int count, int seed)
    {
        var random = new Random(seed);
        var values = new T[count];
        for (int i = 0; i < count; i++)
            values[i] = T.CreateTruncating(random.NextDouble() * 2e9 - 1e9);
        return values;
    }

    [Fact]
    public void What_was_written_is_read_again() => Gen.Select(Any.Size, Gen.Int[0, int.MaxValue - 1]).ForAll(shape =>
    {
        (int count, int seed) = shape;
        var random = new Random(seed);
        long[][] shapes = [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, random.Next(5)).Select(_ => (long)random.Next(7)).ToArray())];
        T[][] values = [.. shapes.Select((sizes, i) => Values((int)sizes.Aggregate(1L, (a, b) => a * b), seed + i))];

        using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Written(writer =>
        {
            for (int i = 0; i < count; i++)
                writer.Add($"tensor {i}", shapes[i], values[i]);
        }));

        file.Entries.Should().HaveCount(count);
        for (int i = 0; i < count; i++)
        {
            file.TryGetEntry($"tensor {i}", out var entry).Should().BeTrue();
            entry!.Shape.Should().Equal(shapes[i]);
            entry.Count.Should().Be(values[i].Length);
            var read = new T[values[i].Length];
            file.Read<T>(entry.Name, read);
            read.Should().Equal(values[i]);
        }
    });

    // The larger ones take several blocks: of whole rows, or of parts of rows.
    [Theory]
    [InlineData(new[] { 1, 1 })]
    [InlineData(new[] { 1, 5 })]
    [InlineData(new[] { 5, 1 })]
    [InlineData(new[] { 3, 4 })]
    [InlineData(new[] { 16, 17 })]
    [InlineData(new[] { 0, 3 })]
    [InlineData(new[] { 3, 0 })]
    [InlineData(new[] { 7 })]
    [InlineData(new int[0])]
    [InlineData(new[] { 2, 3, 4, 5 })]
    [InlineData(new[] { 300, 2001 })]
    [InlineData(new[] { 65, 9001 })]
    [InlineData(new[] { 129, 4097 })]
    [InlineData(new[] { 2, 300_007 })]
    public void A_matrix_column_after_column_is_a_file_row_after_row(int[] shape)
    {
        long[] sizes = [.. shape.Select(size => (long)size)];
        int rows = shape.Length == 0 ? 1 : shape[0], columns = shape.Skip(1).Aggregate(1, (a, b) => a * b);
        T[] inFile = Values(rows * columns, 1), matrix = new T[rows * columns];
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
                matrix[column * rows + row] = inFile[row * columns + column];

        byte[] written = SafeTensorsBytes.Written(writer => writer.AddColumnMajor("a", sizes, matrix));
        Assert.True(written.AsSpan().SequenceEqual(SafeTensorsBytes.Written(writer => writer.Add("a", sizes, inFile))));
        Assert.True(written.AsSpan().SequenceEqual(WrittenWithoutSeeking(writer => writer.AddColumnMajor("a", sizes, matrix))));

        var read = new T[matrix.Length];
        using var file = SafeTensorsBytes.Open(written);
        file.ReadColumnMajor<T>("a", read);
        Assert.True(read.AsSpan().SequenceEqual(matrix));
    }

    [Fact]
    public void Reading_takes_little_more_memory_than_the_values()
    {
        const int Rows = 2_000, Columns = 2_000;
        string path = Path.GetTempFileName();
        try
        {
            var writer = new SafeTensorsWriter();
            writer.Add("a", [Rows, Columns], new T[Rows * Columns]);
            writer.Save(path);
            var values = new T[Rows * Columns];

            long before = GC.GetAllocatedBytesForCurrentThread();
            using (var file = SafeTensorsReader.Open(path))
                file.ReadColumnMajor<T>("a", values);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            allocated.Should().BeLessThan(new FileInfo(path).Length / 10);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] WrittenWithoutSeeking(Action<SafeTensorsWriter> add)
    {
        var writer = new SafeTensorsWriter();
        add(writer);
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.NoCompression, leaveOpen: true))
            writer.Write(stream);
        packed.Position = 0;
        using var unpacked = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionMode.Decompress))
            stream.CopyTo(unpacked);
        return unpacked.ToArray();
    }
}

public sealed class SafeTensorsRoundTripDoubleTests : SafeTensorsRoundTripTests<double>
{
    [Fact]
    public void Every_bit_of_a_value_stays()
    {
        double[] values = [0.0, -0.0, double.Epsilon, double.MaxValue, double.PositiveInfinity, double.NaN, BitConverter.Int64BitsToDouble(0x7ff0_0000_0000_0001)];
        using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Written(writer => writer.Add("a", [values.Length], values)));
        var read = new double[values.Length];
        file.Read<double>("a", read);
        read.Select(BitConverter.DoubleToInt64Bits).Should().Equal(values.Select(BitConverter.DoubleToInt64Bits));
    }
}

public sealed class SafeTensorsRoundTripSingleTests : SafeTensorsRoundTripTests<float>;

public sealed class SafeTensorsRoundTripInt64Tests : SafeTensorsRoundTripTests<long>;

public sealed class SafeTensorsConversionTests
{
    private static readonly double[] Doubles = [1, -2.5, 1.0 / 3, 1e300, -1e300, 1e-300, double.NaN, double.NegativeInfinity, 16777217];
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
            .WithMessage("The tensor 'n' is I64 and cannot be stored as F64: only F32 and F64 are converted. (Parameter 'storeAs')");
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

    private static Action Reading(Action read) => read;

    private static TValue[] Transposed<TValue>(TValue[] values) => [.. Enumerable.Range(0, 9).Select(i => values[i % 3 * 3 + i / 3])];
}
