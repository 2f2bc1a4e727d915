using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Makes a module of TorchSharp of a kind of layer. The library's own layers are made into modules by such, in the same way as those that others write.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ModuleMaker<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Whether it makes a module of a layer.</summary>
    /// <param name="layer">The layer.</param>
    public abstract bool Makes(Layer<T> layer);

    /// <summary>Makes a module that computes what the layer does, with its parameters and buffers under its names; their values are copied afterwards.</summary>
    /// <param name="builder">Knows the device and the type, and makes modules of children.</param>
    /// <param name="layer">The layer.</param>
    /// <returns>The module: (rows x columns) to (<see cref="Layer{T}.OutputRows"/> x <see cref="Layer{T}.OutputColumns"/>).</returns>
    public abstract nn.Module<Tensor, Tensor> Make(ModuleBuilder<T> builder, Layer<T> layer);
}
