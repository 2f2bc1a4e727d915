using System.Globalization;

namespace Backprop;

/// <summary>What an image's row of numbers stands for: channels, each with rows of pixels, one after the other, as PyTorch's <c>flatten(1)</c> has them.</summary>
/// <remarks>The pixel (h, w) of channel c is in column (c Height + h) Width + w.</remarks>
/// <param name="Channels">Channels: 1 for grey, 3 for colours, as many as features in between.</param>
/// <param name="Height">Rows of pixels.</param>
/// <param name="Width">Pixels in a row.</param>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    /// <summary>The columns of a matrix whose rows are such images: channels x height x width.</summary>
    /// <exception cref="OverflowException">There are more than an <see cref="int"/> holds.</exception>
    public int Columns => checked(Channels * Height * Width);

    /// <summary>Height and width.</summary>
    public Size2d Size => new(Height, Width);

    /// <summary>As messages write it: <c>3x28x28</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Channels}x{Height}x{Width}");

    /// <summary>Refuses sizes below 1, and images of more columns than a matrix has.</summary>
    internal ImageShape Require(string owner, string name)
    {
        if (Channels < 1 || Height < 1 || Width < 1)
            throw new ArgumentOutOfRangeException(name, $"{owner} expects an image of at least one channel, row and column, but {name} is {this}.");
        if ((double)Channels * Height * Width > Array.MaxLength)
            throw new ArgumentOutOfRangeException(name, string.Create(CultureInfo.InvariantCulture, $"{owner} expects an image of at most {Array.MaxLength} numbers, but {name} is {this}."));
        return this;
    }
}
