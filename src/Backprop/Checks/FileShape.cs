using System.Globalization;

namespace Backprop.Checks;

/// <summary>Checks of the sizes that a parameter or buffer has in files, where it may have more dimensions than here.</summary>
internal static class FileShape
{
    /// <summary>The sizes of a matrix: rows and columns, or others whose first is the rows and whose rest multiplies to the columns.</summary>
    internal static int[] OfMatrix(string name, int rows, int columns, ReadOnlySpan<int> shape) => shape.IsEmpty ? [rows, columns]
        : shape[0] == rows && Product(shape[1..]) == columns ? shape.ToArray()
        : throw Wrong(name, string.Create(CultureInfo.InvariantCulture, $"{rows} as its first size and {columns} as the product of the others"), shape);

    /// <summary>The sizes of a vector: its count, or others that multiply to it.</summary>
    internal static int[] OfVector(string name, int count, ReadOnlySpan<int> shape) => shape.IsEmpty ? [count]
        : Product(shape) == count ? shape.ToArray()
        : throw Wrong(name, string.Create(CultureInfo.InvariantCulture, $"sizes that multiply to {count}"), shape);

    // -1 where there is none: a size below 1, or more than can be counted.
    private static long Product(ReadOnlySpan<int> sizes)
    {
        var product = 1L;
        foreach (var size in sizes)
        {
            product *= size;
            if (size < 1 || product > int.MaxValue) return -1;
        }

        return product;
    }

    private static ArgumentException Wrong(string name, string expectation, ReadOnlySpan<int> shape) =>
        new($"{name} expects a shape with {expectation}, but it is ({string.Join(", ", shape.ToArray().Select(size => size.ToString(CultureInfo.InvariantCulture)))}).", nameof(shape));
}
