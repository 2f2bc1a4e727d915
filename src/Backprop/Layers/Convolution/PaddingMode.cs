namespace Backprop;

/// <summary>What stands in the pixels around an image.</summary>
public enum PaddingMode
{
    /// <summary>Zeros.</summary>
    Zeros,

    /// <summary>The image mirrored at its outermost pixels, which are not repeated: c b | a b c | b a.</summary>
    Reflect,

    /// <summary>The outermost pixels again and again: a a | a b c | c c.</summary>
    Replicate,

    /// <summary>The image from its other end: b c | a b c | a b.</summary>
    Circular,
}
