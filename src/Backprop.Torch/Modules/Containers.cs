using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Modules of layers that hold layers, and of those that only choose.</summary>
internal static class Containers
{
    public static IEnumerable<ModuleMaker<T>> Makers<T>() where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
    [
        // TorchSharp's own computes nothing where it is empty.
        TorchModules.For<T, Sequential<T>>((builder, layer) => layer.Children.Count == 0 ? builder.Make(layer, (module, x) => x)
            : nn.Sequential(layer.Children.Select(child => (child.Name, builder.Make(child))))),
        TorchModules.For<T, Residual<T>>((layer, module, x) => x + module.Call(layer.Children[0].Name, x)),
        TorchModules.For<T, Sum<T>>((layer, module, x) => layer.Children.Select(child => module.Call(child.Name, x)).Aggregate((sum, y) => sum + y)),
        TorchModules.For<T, Concat<T>>((layer, module, x) => cat([.. layer.Children.Select(child => module.Call(child.Name, x))], 1)),
        TorchModules.For<T, Columns<T>>((layer, module, x) => x.narrow(1, layer.Start, layer.Count)),
        TorchModules.For<T, Identity<T>>((builder, layer) => nn.Identity()),
        TorchModules.For<T, Dropout<T>>((builder, layer) => nn.Dropout(layer.P)),
    ];
}
