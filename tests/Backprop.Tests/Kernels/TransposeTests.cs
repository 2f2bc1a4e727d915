using Backprop.Kernels;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

/// <summary>Copies between matrices that lie either way, of all sizes around a cache line's entries, with room between their lines.</summary>
public abstract unsafe class TransposeTests<T> where T : unmanaged
{
    private static readonly int[] Sizes = [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 32, 37];

    public static TheoryData<bool, bool> Ways => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    protected abstract T Number(int i);

    [Theory]
    [MemberData(nameof(Ways))]
    public void Every_entry_arrives_and_nothing_else_is_touched(bool fromByRows, bool toByRows)
    {
        foreach (var rows in Sizes)
            foreach (var columns in Sizes)
                foreach (var room in (int[])[0, 3])
                    Check(rows, columns, room, fromByRows, toByRows);
    }

    private void Check(int rows, int columns, int room, bool fromByRows, bool toByRows)
    {
        var (source, target, expected) = (new T[(rows + room) * (columns + room) + 1], new T[(rows + room) * (columns + room) + 1], new T[(rows + room) * (columns + room) + 1]);
        for (var i = 0; i < source.Length; i++) (source[i], target[i], expected[i]) = (Number(i), Number(-1 - i), Number(-1 - i));
        int At(bool byRows, int i, int j) => byRows ? i * (columns + room) + j : i + j * (rows + room);
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++) expected[At(toByRows, i, j)] = source[At(fromByRows, i, j)];

        fixed (T* from = source, to = target)
            Transpose.Copy(Lying(from, fromByRows), Lying(to, toByRows), rows, columns);
        target.Should().Equal(expected, $"{rows} x {columns}, {room} between");

        Strided<T> Lying(T* start, bool byRows) => byRows ? new(start, columns + room, 1) : new(start, 1, rows + room);
    }
}

public sealed class TransposeDoubleTests : TransposeTests<double>
{
    protected override double Number(int i) => i;
}

public sealed class TransposeSingleTests : TransposeTests<float>
{
    protected override float Number(int i) => i;
}
