namespace Backprop;

/// <summary>What a training is made of, and can say what it was made with.</summary>
internal interface IDescribed
{
    /// <summary>Says what it was made with, beyond its type and its text.</summary>
    void Describe(Settings settings);
}
