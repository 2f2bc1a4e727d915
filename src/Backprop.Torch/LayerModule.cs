using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>A layer as a module of TorchSharp: what TorchSharp has no module for, or one of another shape than rows x columns.</summary>
/// <remarks>It has the layer's parameters and buffers under the layer's names; its gradient is PyTorch's own. It knows its layer, so that <see cref="TorchModules.FromTorch"/> can make another.</remarks>
public sealed class LayerModule : nn.Module<Tensor, Tensor>
{
    private readonly Func<LayerModule, Tensor, Tensor> _forward;
    private readonly int? _columns;
    private readonly nn.Module? _engine;
    private readonly Dictionary<string, Tensor> _constants = [];

    internal LayerModule(object layer, int? columns, Func<LayerModule, Tensor, Tensor> forward, nn.Module? engine) : base(layer.GetType().Name.Split('`')[0])
    {
        (Layer, _columns, _forward, _engine) = (layer, columns, forward, engine);
        TakeParameters();
    }

    /// <summary>The layer that it was made of.</summary>
    internal object Layer { get; }

    /// <summary>A parameter or a buffer.</summary>
    /// <param name="name">Its name, as in <c>state_dict</c>.</param>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Tensor this[string name] => Find(name) ?? throw new KeyNotFoundException($"{Layer} has no parameter and no buffer \"{name}\".");

    /// <summary>A parameter or a buffer, or null where there is none.</summary>
    /// <param name="name">Its name, as in <c>state_dict</c>.</param>
    public Tensor? Find(string name) => has_parameter(name) ? get_parameter(name) : has_buffer(name) ? get_buffer(name) : null;

    /// <summary>What a child makes of x.</summary>
    /// <param name="name">The child's name.</param>
    /// <param name="x">Its input: (rows x columns).</param>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Tensor Call(string name, Tensor x) => named_children().FirstOrDefault(child => child.name == name).module is nn.Module<Tensor, Tensor> child
        ? child.call(x)
        : throw new KeyNotFoundException($"{Layer} has no layer \"{name}\".");

    /// <summary>(rows x columns) to (rows x columns), as the layer does.</summary>
    /// <param name="x">The input, on the module's device and in its type.</param>
    /// <exception cref="ArgumentException">It has other dimensions or columns.</exception>
    public override Tensor forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.dim() != 2 || (_columns is int columns && x.shape[1] != columns))
        {
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"{Layer} expects rows of {(_columns is int expected ? $"{expected} " : "")}columns, but x is ({string.Join(", ", x.shape)})."), nameof(x));
        }

        using var scope = NewDisposeScope();
        var y = _forward(this, x);
        return (ReferenceEquals(y, x) ? x.alias() : y).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void train(bool train = true)
    {
        base.train(train);
        _engine?.train(train);
    }

    /// <summary>What the forward pass needs and no file has, made once for a device and a type.</summary>
    internal Tensor Constant(string name, Tensor like, Func<Tensor> make)
    {
        lock (_constants)
        {
            if (_constants.TryGetValue(name, out var known) && known.device == like.device && known.dtype == like.dtype) return known;
            var made = (known ?? make()).to(like.dtype, like.device, copy: true).DetachFromDisposeScope();
            known?.Dispose();
            return _constants[name] = made;
        }
    }

    /// <inheritdoc/>
    protected override nn.Module _to(Device device, ScalarType dtype, bool non_blocking) => Moved(engine => engine.to(device, dtype, non_blocking), () => base._to(device, dtype, non_blocking));

    /// <inheritdoc/>
    protected override nn.Module _to(TorchSharp.DeviceType deviceType, int deviceIndex, bool non_blocking) =>
        Moved(engine => engine.to(deviceType, deviceIndex, non_blocking), () => base._to(deviceType, deviceIndex, non_blocking));

    /// <inheritdoc/>
    protected override nn.Module _to(ScalarType dtype, bool non_blocking) => Moved(engine => engine.to(dtype, non_blocking), () => base._to(dtype, non_blocking));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var constant in _constants.Values) constant.Dispose();
            _engine?.Dispose();
        }

        base.Dispose(disposing);
    }

    private LayerModule Moved(Action<nn.Module> engine, Action own)
    {
        if (_engine is null) own();
        else
        {
            engine(_engine);
            TakeParameters();
        }

        return this;
    }

    /// <summary>The parameters of a module that works for this one are this one's.</summary>
    private void TakeParameters()
    {
        if (_engine is null) return;
        foreach (var (name, parameter) in _engine.named_parameters()) ConditionallyRegisterParameter(name, parameter);
    }
}
