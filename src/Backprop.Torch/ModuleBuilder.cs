using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Makes the modules of a network, each layer and each parameter once, however many places it stands in.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ModuleBuilder<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly IReadOnlyList<ModuleMaker<T>> _makers;
    private readonly HashSet<Parameter<T>> _shared;
    private readonly Dictionary<Layer<T>, nn.Module<Tensor, Tensor>> _modules = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Parameter<T>, TorchSharp.Modules.Parameter> _parameters = new(ReferenceEqualityComparer.Instance);

    internal ModuleBuilder(Layer<T> network, Device device, ScalarType type, IReadOnlyList<ModuleMaker<T>> makers)
    {
        (Device, Type, _makers) = (device, type, makers);
        var owners = Tree(network).Distinct(ReferenceEqualityComparer.Instance).Cast<Layer<T>>().SelectMany(layer => Own(layer).Select(own => own.Parameter));
        _shared = owners.GroupBy(parameter => parameter).Where(places => places.Skip(1).Any()).Select(places => places.Key).ToHashSet();
    }

    /// <summary>Where parameters and buffers lie.</summary>
    public Device Device { get; }

    /// <summary>Their type.</summary>
    public ScalarType Type { get; }

    /// <summary>Whether a parameter stands in several layers. Only <see cref="LayerModule"/> can share it there, too.</summary>
    /// <param name="parameter">The parameter.</param>
    public bool IsShared(Parameter<T> parameter) => _shared.Contains(parameter);

    /// <summary>The module of a child.</summary>
    /// <param name="child">The child, as <see cref="Layer{T}.Children"/> has it.</param>
    /// <exception cref="NotSupportedException">Nobody makes a module of such a layer; the message has its place.</exception>
    public nn.Module<Tensor, Tensor> Make(NamedLayer<T> child) => Make((child ?? throw new ArgumentNullException(nameof(child))).Layer, child.Name);

    /// <summary>A module with the parameters and buffers of a layer and the modules of its children, all under their names, and a forward pass in tensors.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="forward">The forward pass, of the module and x (rows x columns); <c>module["weight"]</c> is a parameter or a buffer, <c>module.Call("f", x)</c> a child.</param>
    public LayerModule Make(Layer<T> layer, Func<LayerModule, Tensor, Tensor> forward) => Make(layer, forward, null);

    internal LayerModule Make(Layer<T> layer, Func<LayerModule, Tensor, Tensor> forward, nn.Module? engine)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(forward);
        var module = new LayerModule(layer, layer.InputColumns, forward, engine);
        if (engine is null)
        {
            foreach (var (name, parameter) in Own(layer))
            {
                if (!_parameters.TryGetValue(parameter, out var twin)) _parameters.Add(parameter, twin = new(zeros(Sizes(parameter.Shape), Type, Device)));
                module.register_parameter(name, twin);
            }
        }

        foreach (var (name, buffer) in layer.NamedBuffers().Where(buffer => !IsOfChild(layer, buffer.Name)))
            module.register_buffer(name, buffer is CounterBuffer<T> ? tensor(0L, int64, Device) : zeros(Sizes(buffer.Shape), Type, Device));
        foreach (var child in layer.Children) module.register_module(child.Name, Make(child));
        return module;
    }

    internal nn.Module<Tensor, Tensor> Make(Layer<T> layer, string place)
    {
        if (_modules.TryGetValue(layer, out var known)) return known;
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        try
        {
            var maker = _makers.FirstOrDefault(maker => maker.Makes(layer))
                ?? throw new NotSupportedException($"There is no module of {layer}: say what it computes in tensors, by TorchModules.For, and give that to ToTorch.");
            var module = maker.Make(this, layer) ?? throw new InvalidOperationException($"The maker of {layer} returned null.");
            _modules.Add(layer, module);
            return module;
        }
        catch (NotSupportedException exception) when (place.Length > 0)
        {
            throw new NotSupportedException($"{place}: {exception.Message}", exception.InnerException);
        }
    }

    internal static IEnumerable<NamedParameter<T>> Own(Layer<T> layer) => layer.NamedParameters().Where(parameter => !IsOfChild(layer, parameter.Name));

    internal static long[] Sizes(IEnumerable<int> shape) => [.. shape.Select(size => (long)size)];

    private static bool IsOfChild(Layer<T> layer, string name) => layer.Children.Any(child => name.StartsWith($"{child.Name}.", StringComparison.Ordinal));

    private static IEnumerable<Layer<T>> Tree(Layer<T> layer)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        return layer.Children.SelectMany(child => Tree(child.Layer)).Prepend(layer);
    }
}
