namespace Backprop.Playground;

/// <summary>How far a step has come.</summary>
internal enum Stage
{
    /// <summary>Nothing is computed for these parameters.</summary>
    Start,

    /// <summary>The outputs are there.</summary>
    Forward,

    /// <summary>The loss is there.</summary>
    Loss,

    /// <summary>The gradients are there.</summary>
    Backward,
}
