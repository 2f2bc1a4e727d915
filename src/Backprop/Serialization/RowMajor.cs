using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>Between the row after row of files and the column after column of matrices, block by block.</summary>
internal static class RowMajor
{
    private const int BufferBytes = 1 << 20;                // fits the cache; enough to read at the disk's speed
    private const int Tile = 16;
    private const int FewestRows = 64;

    /// <summary>How many elements pass through memory at a time.</summary>
    internal static int BufferSize<T>() where T : unmanaged => BufferBytes / Unsafe.SizeOf<T>();

    /// <summary>
    /// The part of a matrix that passes at a time: whole rows if many fit; otherwise parts of several rows if the stream can seek,
    /// so that the columns get more than one value in a row.
    /// </summary>
    internal static (int Rows, int Columns) Blocks<T>(int rows, int columns, bool canSeek) where T : unmanaged
    {
        int height = Math.Min(rows, Math.Max(BufferSize<T>() / columns, canSeek ? FewestRows : 1));
        return (height, Math.Min(columns, BufferSize<T>() / height));
    }

    // destination[column * destinationStride + row] = source[row * sourceStride + column]
    /// <summary>Writes rows as columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Transpose<TFrom, TTo>(
        ReadOnlySpan<TFrom> source, int sourceStride, Span<TTo> destination, int destinationStride, int rows, int columns)
        where TFrom : unmanaged, INumber<TFrom>
        where TTo : unmanaged, INumber<TTo>
    {
        for (int firstColumn = 0; firstColumn < columns; firstColumn += Tile)
        {
            int width = Math.Min(Tile, columns - firstColumn);
            for (int firstRow = 0; firstRow < rows; firstRow += Tile)
            {
                int height = Math.Min(Tile, rows - firstRow);
                for (int j = 0; j < width; j++)
                {
                    Span<TTo> column = destination.Slice((firstColumn + j) * destinationStride + firstRow, height);
                    ReadOnlySpan<TFrom> from = source[(firstRow * sourceStride + firstColumn + j)..];
                    for (int i = 0; i < column.Length; i++)
                        column[i] = TTo.CreateTruncating(from[i * sourceStride]);
                }
            }
        }
    }

    /// <summary>Files are little-endian and memory is copied as it is.</summary>
    internal static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("safetensors files are little-endian, and this processor is not.");
    }
}
