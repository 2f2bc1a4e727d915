namespace Backprop;

/// <summary>A layer and its name within the layer that contains it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Layer">The layer.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed record NamedLayer<T>(string Name, Layer<T> Layer) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>;
