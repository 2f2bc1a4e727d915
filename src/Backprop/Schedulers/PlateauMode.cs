namespace Backprop;

/// <summary>Which way a metric gets better.</summary>
public enum PlateauMode
{
    /// <summary>The less the better, as of a loss.</summary>
    Min,

    /// <summary>The more the better, as of an accuracy.</summary>
    Max,
}
