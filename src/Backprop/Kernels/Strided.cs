namespace Backprop.Kernels;

/// <summary>The entry (i, j) of a matrix is at <c>Start[i * Row + j * Column]</c>.</summary>
internal readonly unsafe struct Strided<T>(T* start, nint row, nint column) where T : unmanaged
{
    public readonly T* Start = start;
    public readonly nint Row = row, Column = column;

    public T* At(nint i, nint j) => unchecked(Start + i * Row + j * Column);

    public Strided<T> From(nint i, nint j) => new(At(i, j), Row, Column);
}
