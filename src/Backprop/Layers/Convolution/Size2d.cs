namespace Backprop;

/// <summary>A size along the height and one along the width: of a kernel, of a step, of an image. One number stands for both.</summary>
/// <param name="Height">Along the height, from row to row.</param>
/// <param name="Width">Along the width, from pixel to pixel.</param>
public readonly record struct Size2d(int Height, int Width)
{
    /// <summary>The same size along both.</summary>
    /// <param name="size">The size.</param>
    public static implicit operator Size2d(int size) => new(size, size);

    /// <summary>A height and a width.</summary>
    /// <param name="size">The sizes.</param>
    public static implicit operator Size2d((int Height, int Width) size) => new(size.Height, size.Width);

    /// <summary>The same size along both, for languages without implicit conversions.</summary>
    /// <param name="size">The size.</param>
    public static Size2d FromInt32(int size) => size;

    /// <summary>As messages write it: <c>3</c> or <c>3x5</c>.</summary>
    public override string ToString() => Height == Width ? Signature.Number(Height) : $"{Signature.Number(Height)}x{Signature.Number(Width)}";
}
