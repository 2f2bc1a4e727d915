namespace Backprop.Checks;

/// <summary>What never changes after it was made, so that a layer and its clone may share it.</summary>
internal interface IImmutable;
