namespace Backprop;

/// <summary>A parameter and its path from the layer that was asked: <c>hidden.weight</c>.</summary>
/// <param name="Name">The path.</param>
/// <param name="Parameter">The parameter.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed record NamedParameter<T>(string Name, Parameter<T> Parameter) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>;
