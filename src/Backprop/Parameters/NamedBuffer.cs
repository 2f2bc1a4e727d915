namespace Backprop;

/// <summary>A buffer and its path from the layer that was asked: <c>norm.running_mean</c>.</summary>
/// <param name="Name">The path.</param>
/// <param name="Buffer">The buffer.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed record NamedBuffer<T>(string Name, Buffer<T> Buffer) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>;
