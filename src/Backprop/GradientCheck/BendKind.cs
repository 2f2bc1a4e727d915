namespace Backprop;

/// <summary>Where a function is not smooth.</summary>
internal enum BendKind
{
    /// <summary>It is smooth.</summary>
    None,

    /// <summary>The slopes to its two sides differ.</summary>
    Kink,

    /// <summary>The values to its two sides differ.</summary>
    Jump,
}
