using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Networks to modules of TorchSharp and back: for a GPU, or for what only PyTorch does.</summary>
/// <example>
/// <code>
/// using var module = model.ToTorch(torch.cuda.is_available() ? torch.CUDA : torch.CPU);
/// // train it there, then:
/// model.CopyFrom(module);
/// </code>
/// </example>
public static class TorchModules
{
    /// <summary>A module that computes what the layer does, with the values of its parameters and buffers under the names of <c>state_dict</c>.</summary>
    /// <remarks>
    /// <para>It takes and gives rows x columns, as <see cref="Layer{T}.Forward(MathNet.Numerics.LinearAlgebra.Matrix{T})"/> does. What TorchSharp has a module for over rows is TorchSharp's own
    /// (<c>nn.Sequential</c>, <c>nn.Linear</c>, <c>nn.BatchNorm1d</c>, activations ...), everything else a <see cref="LayerModule"/>. It is in training mode; what is frozen here asks for no gradient there.</para>
    /// <para>Move it by asking for a device here: a parameter that several layers share stays shared only so (TorchSharp's <c>to</c> gives each of them its own).</para>
    /// </remarks>
    /// <param name="layer">The layer, or a whole network.</param>
    /// <param name="device">Where it shall be; by default the processor.</param>
    /// <param name="dtype">The type it shall compute in; by default the layer's own.</param>
    /// <param name="makers">Those of layers that are not the library's, and others in place of the library's: see <see cref="For{T, TLayer}(Func{TLayer, LayerModule, Tensor, Tensor})"/>.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <exception cref="ArgumentException">The type is no floating-point type; or a maker's module has other names or sizes than the layer.</exception>
    /// <exception cref="NotSupportedException">There is no module of a layer; the message has its place.</exception>
    /// <exception cref="InvalidOperationException">Preprocessing is not fitted; or the network is nested too deeply.</exception>
    public static nn.Module<Tensor, Tensor> ToTorch<T>(this Layer<T> layer, Device? device = null, ScalarType? dtype = null, IEnumerable<ModuleMaker<T>>? makers = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(layer);
        var type = dtype ?? TensorConversion.ScalarTypeOf<T>();
        if (type is not (ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64)) throw new ArgumentException($"A network expects a floating-point type, not {type}.", nameof(dtype));
        var module = new ModuleBuilder<T>(layer, device ?? CPU, type, [.. makers ?? [], .. DefaultMakers<T>()]).Make(layer, "");
        try
        {
            layer.CopyTo(module);
        }
        catch
        {
            module.Dispose();
            throw;
        }

        var frozen = layer.NamedParameters().Where(named => named.Parameter.Frozen).Select(named => named.Name).ToHashSet();
        foreach (var (name, parameter) in module.named_parameters())
            if (frozen.Contains(name)) parameter.requires_grad_(false);
        return module;
    }

    /// <summary>A maker of modules of one type of layer: what it computes, in tensors. Its parameters, buffers and children have their names there, too.</summary>
    /// <param name="forward">The forward pass, of the layer, its module and x (rows x columns); <c>module["weight"]</c> is a parameter or a buffer, <c>module.Call("f", x)</c> a child.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TLayer">The type of the layer.</typeparam>
    /// <example><code>
    /// // y = x²
    /// var square = TorchModules.For&lt;double, Square&lt;double&gt;&gt;((layer, module, x) =&gt; x * x);
    /// using var module = model.ToTorch(makers: [square]);
    /// </code></example>
    public static ModuleMaker<T> For<T, TLayer>(Func<TLayer, LayerModule, Tensor, Tensor> forward) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> where TLayer : Layer<T>
    {
        ArgumentNullException.ThrowIfNull(forward);
        return new Maker<T, TLayer>((builder, layer) => builder.Make(layer, (module, x) => forward(layer, module, x)));
    }

    /// <summary>A maker of modules of one type of layer, where TorchSharp has such a module.</summary>
    /// <param name="make">Makes it, on the builder's device and in its type, with the layer's names.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <typeparam name="TLayer">The type of the layer.</typeparam>
    public static ModuleMaker<T> For<T, TLayer>(Func<ModuleBuilder<T>, TLayer, nn.Module<Tensor, Tensor>> make) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> where TLayer : Layer<T>
    {
        ArgumentNullException.ThrowIfNull(make);
        return new Maker<T, TLayer>(make);
    }

    /// <summary>Those of the library's layers.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    public static IReadOnlyList<ModuleMaker<T>> DefaultMakers<T>() where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        [.. Containers.Makers<T>(), .. Dense.Makers<T>(), .. Elementwise.Makers<T>(), .. Normalizations.Makers<T>(), .. Preprocessings.Makers<T>(), .. Images.Makers<T>(), .. Sequences.Makers<T>()];

    /// <summary>A network that computes what a module does, with its values.</summary>
    /// <remarks>
    /// <para>It takes what <see cref="ToTorch"/> makes, and TorchSharp's own: <c>nn.Sequential</c>, nested and with names, of what the library has a layer for. What a module of yours computes is in its code, where nobody can
    /// read it: make the network here under the same names, and call <see cref="TorchState.CopyFrom"/>.</para>
    /// <para>Images and signals are rows here, so <c>nn.Flatten</c> becomes an <see cref="Identity{T}"/>, which keeps the names of what follows.</para>
    /// </remarks>
    /// <param name="module">The module; in any floating-point type, on any device.</param>
    /// <param name="sampleShape">The shape of one sample where the module takes images (channels, height, width) or signals (channels, length); nothing where it takes rows.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <exception cref="ArgumentException">There is no such layer, or not with such settings; the message has the place of the first that cannot be taken.</exception>
    public static Layer<T> FromTorch<T>(nn.Module module, params int[] sampleShape) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(sampleShape);
        if (sampleShape is not ([] or [> 0, > 0] or [> 0, > 0, > 0]))
            throw new ArgumentException($"The shape of a sample is (channels, height, width) or (channels, length), each at least 1, but is ({string.Join(", ", sampleShape)}).", nameof(sampleShape));
        return new ModuleReader<T>(module, sampleShape).Read();
    }

    private sealed class Maker<T, TLayer>(Func<ModuleBuilder<T>, TLayer, nn.Module<Tensor, Tensor>> make) : ModuleMaker<T>
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> where TLayer : Layer<T>
    {
        public override bool Makes(Layer<T> layer) => layer is TLayer;

        public override nn.Module<Tensor, Tensor> Make(ModuleBuilder<T> builder, Layer<T> layer) => make(builder, (TLayer)layer);
    }
}
