namespace Backprop;

/// <summary>What stands between the pixels of an image that is made larger.</summary>
public enum UpsampleMode
{
    /// <summary>The nearest pixel.</summary>
    Nearest,

    /// <summary>The four pixels around, each the more the nearer it is.</summary>
    Bilinear,
}
