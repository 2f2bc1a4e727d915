namespace Backprop;

/// <summary>Pixels around an image, on each of its four sides. One number stands for all, two for both sides of the height and of the width.</summary>
/// <param name="Left">Pixels before each row.</param>
/// <param name="Right">Pixels after each row.</param>
/// <param name="Top">Rows before the first.</param>
/// <param name="Bottom">Rows after the last.</param>
public readonly record struct Padding2d(int Left, int Right, int Top, int Bottom)
{
    /// <summary>For a convolution: as many that the output has the size of the input. What is odd goes to the right and to the bottom, as in PyTorch.</summary>
    public static Padding2d Same { get; } = new(-1, -1, -1, -1);

    internal bool IsSame => this == Same;

    /// <summary>The same on all sides.</summary>
    /// <param name="size">Pixels.</param>
    public static implicit operator Padding2d(int size) => size >= 0 ? new(size, size, size, size) : new(size, size, size, size - 1);

    /// <summary>The same above and below, and the same left and right.</summary>
    /// <param name="size">Along the height and along the width.</param>
    public static implicit operator Padding2d((int Height, int Width) size) => new(size.Width, size.Width, size.Height, size is (-1, -1) ? -2 : size.Height);

    /// <summary>The same on all sides, for languages without implicit conversions.</summary>
    /// <param name="size">Pixels.</param>
    public static Padding2d FromInt32(int size) => size;

    /// <summary>As messages write it: <c>1</c>, <c>1x2</c> (height, width), <c>(left 1, right 2, top 0, bottom 0)</c> or <c>same</c>.</summary>
    public override string ToString() => IsSame ? "same" : Left == Right && Top == Bottom ? new Size2d(Top, Left).ToString()
        : $"(left {Signature.Number(Left)}, right {Signature.Number(Right)}, top {Signature.Number(Top)}, bottom {Signature.Number(Bottom)})";
}
