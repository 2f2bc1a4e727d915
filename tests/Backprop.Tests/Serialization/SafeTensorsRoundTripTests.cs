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
