namespace Backprop;

/// <summary>How the values of several classes become one.</summary>
public enum ClassAverage
{
    /// <summary>The mean over the classes that occur, among targets or predictions; each counts alike.</summary>
    Macro = 0,

    /// <summary>The value of all samples together, whatever their classes.</summary>
    Micro = 1,

    /// <summary>The mean over the classes, weighted by how many samples they have.</summary>
    Weighted = 2,
}
