using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Some neighbouring columns of a matrix, as a range says them: <c>0..3</c>, <c>3..</c>, <c>^1..</c></summary>
internal static class ColumnRange
{
    /// <summary>The first column and how many there are.</summary>
    /// <param name="owner">Who expects them, for the message.</param>
    /// <param name="part">The part whose columns they are.</param>
    /// <param name="range">The range.</param>
    /// <param name="x">The matrix.</param>
    /// <param name="parameter">Which argument it is.</param>
    /// <exception cref="ArgumentException">The matrix has no such columns.</exception>
    public static (int Start, int Count) Of<T>(object owner, string part, Range range, Matrix<T> x, string parameter) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (start, end) = (range.Start.GetOffset(x.ColumnCount), range.End.GetOffset(x.ColumnCount));
        return start >= 0 && start < end && end <= x.ColumnCount
            ? (start, end - start)
            : throw new ArgumentException($"{owner} expects {parameter} with the columns {range} for \"{part}\", but it is {Operand.Shape(x)}.", parameter);
    }

    /// <summary>Lets a range through that can hold columns.</summary>
    /// <param name="owner">Who expects it, for the message.</param>
    /// <param name="range">The range.</param>
    /// <param name="parameter">Which argument it is.</param>
    /// <exception cref="ArgumentException">It holds none, however many there are.</exception>
    public static Range NotEmpty(string owner, Range range, string parameter) =>
        range.Start.IsFromEnd != range.End.IsFromEnd || (range.Start.IsFromEnd ? range.Start.Value > range.End.Value : range.Start.Value < range.End.Value)
            ? range
            : throw new ArgumentException($"{owner} expects {parameter} to hold at least one column, but it is {range}.", parameter);
}
