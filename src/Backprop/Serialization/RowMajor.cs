using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>Between the row after row of files and the column after column of matrices, block by block.</summary>
internal static class RowMajor
{
    private const int BufferBytes = 1 << 20;                // enough to read at the disk's speed, and not more than caches hold
    private const int Tile = 16;                            // floats in a cache line

    /// <summary>How many elements pass through memory at a time.</summary>
    internal static int BufferSize<T>() where T : unmanaged => BufferBytes / Unsafe.SizeOf<T>();

    /// <summary>
    /// The part of a matrix that is read at a time: whole rows if many fit into the buffer, else parts of several rows, so that a column
    /// gets more than one value at a time.
    /// </summary>
    internal static (int Rows, int Columns) BlockToRead<T>(int rows, int columns) where T : unmanaged
    {
        int height = Math.Min(rows, Math.Max(BufferSize<T>() / columns, 4 * Tile));
        return (height, Math.Min(columns, BufferSize<T>() / height));
    }

    /// <summary>
    /// How many rows of a matrix are written at a time. A stream wants whole rows in their order, and columns want to give several
    /// values at a time, so a buffer of 16 rows may be larger; very long rows go one by one.
    /// </summary>
    internal static int RowsToWrite<T>(int rows, int columns) where T : unmanaged =>
        Math.Min(rows, Math.Max(BufferSize<T>() / columns, Math.Clamp(Tile * BufferSize<T>() / columns, 1, Tile)));

    // matrix[column * stride + row] = block[row * columns + column]
    /// <summary>Puts a block of rows into a matrix, whose columns lie <paramref name="stride"/> apart.</summary>
    internal static void ToMatrix<T>(ReadOnlySpan<T> block, int rows, int columns, Span<T> matrix, int stride) where T : unmanaged
    {
        for (int column = 0; column < columns; column += Tile)
            Transpose(block[column..], columns, matrix[(column * stride)..], stride, rows, Math.Min(Tile, columns - column));
    }

    // block[row * columns + column] = matrix[column * stride + row]
    /// <summary>Takes a block of rows out of a matrix, whose columns lie <paramref name="stride"/> apart.</summary>
    internal static void FromMatrix<T>(ReadOnlySpan<T> matrix, int stride, Span<T> block, int rows, int columns) where T : unmanaged
    {
        for (int column = 0; column < columns; column += Tile)
            Transpose(matrix[(column * stride)..], stride, block[column..], columns, Math.Min(Tile, columns - column), rows);
    }

    /// <summary>Files are little-endian, and memory is copied as it is.</summary>
    internal static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("safetensors files are little-endian, and this processor is not.");
    }

    // destination[j * destinationStride + i] = source[i * sourceStride + j], tile by tile, so that each cache line is used up once it is there.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose<T>(ReadOnlySpan<T> source, int sourceStride, Span<T> destination, int destinationStride, int rows, int columns) where T : unmanaged
    {
        for (int firstRow = 0; firstRow < rows; firstRow += Tile)
        {
            int height = Math.Min(Tile, rows - firstRow);
            for (int firstColumn = 0; firstColumn < columns; firstColumn += Tile)
            {
                int width = Math.Min(Tile, columns - firstColumn);
                for (int j = firstColumn; j < firstColumn + width; j++)
                {
                    Span<T> column = destination.Slice(j * destinationStride + firstRow, height);
                    ReadOnlySpan<T> from = source[(firstRow * sourceStride + j)..];
                    for (int i = 0; i < column.Length; i++)
                        column[i] = from[unchecked(i * sourceStride)];   // fits, since that entry is there
                }
            }
        }
    }
}
