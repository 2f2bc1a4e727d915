using System.Diagnostics.CodeAnalysis;

namespace Backprop;

/// <summary>What a training is made of, and can say what it was made with.</summary>
/// <remarks>The attribute stands here, and not on the classes alone: Native AOT's compiler keeps the fields of whatever is looked at through this interface, but not of
/// what is looked at as a generic class.</remarks>
[DynamicallyAccessedMembers(Settings.Fields)]
internal interface IDescribed
{
    /// <summary>Says what it was made with, beyond its type and its text.</summary>
    void Describe(Settings settings);
}
