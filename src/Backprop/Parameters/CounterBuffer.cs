namespace Backprop;

/// <summary>A buffer that counts.</summary>
/// <param name="name">The name within its layer.</param>
/// <typeparam name="T">The layer's type; the count is a <see cref="long"/> whatever it is.</typeparam>
public sealed class CounterBuffer<T>(string name) : Buffer<T>(name, [], []) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>The count.</summary>
    public long Value { get; set; }
}
