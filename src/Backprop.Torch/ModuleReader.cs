using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Makes the network that computes what a module does.</summary>
/// <remarks>It goes through the modules with the shape of a sample, which PyTorch's layers for images read from their input and ours are told.</remarks>
internal sealed class ModuleReader<T>(nn.Module root, int[] sampleShape) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly Dictionary<nn.Module, Layer<T>> _layers = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Parameter, MatrixParameter<T>> _tables = new(ReferenceEqualityComparer.Instance);

    /// <summary>(channels, height, width), (channels, length), or nothing where samples are rows.</summary>
    private int[] _sample = sampleShape;

    /// <summary>Rows of an embedding, still side by side in a dimension of their own.</summary>
    private bool _isTable;

    public Layer<T> Read()
    {
        // First the tables, which a Linear may share, wherever it stands.
        foreach (var module in root.modules().Prepend(root).OfType<LayerModule>().Where(module => module.Layer is Embedding<T>).Distinct())
        {
            var table = (Embedding<T>)((Embedding<T>)module.Layer).Clone();
            _layers.Add(module, table);
            _tables[module.get_parameter("weight")!] = table.Weight;
        }

        var layer = Read(root, "");
        layer.CopyFrom(root);
        RequireSameSharing(layer);
        var fixedThere = root.named_parameters().Where(named => !named.parameter.requires_grad).Select(named => named.name).ToHashSet();
        foreach (var (name, parameter) in layer.NamedParameters()) parameter.Frozen = fixedThere.Contains(name);
        return layer;
    }

    private Layer<T> Read(nn.Module module, string place)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        if (_layers.TryGetValue(module, out var known)) return known;
        var layer = module is LayerModule ours ? OfOurs(ours, place) : OfTheirs(module, place);
        // One that stands in several places is one layer, unless it was told the size of its images.
        if (_sample.Length == 0) _layers[module] = layer;
        return layer;
    }

    private Layer<T> OfOurs(LayerModule module, string place)
    {
        if (_sample.Length > 0) throw Refused(place, module, $"takes rows, but has images or signals of ({string.Join(", ", _sample)}): a Flatten before it is missing");
        switch (module.Layer)
        {
            case Residual<T>:
                return new Residual<T>(Children().Single().Layer);
            case Sum<T>:
                return Branches(new Sum<T>());
            case Concat<T>:
                return Branches(new Concat<T>());
            case Linear<T> linear when _tables.TryGetValue(module.get_parameter("weight")!, out var table):
                return new Linear<T>(table, ((Linear<T>)linear.Clone()).Bias);
            case Layer<T> layer:
                return layer.Clone();
            default:
                throw Refused(place, module, $"was made of a layer of another type than {typeof(T).Name}");
        }

        IEnumerable<(string Name, Layer<T> Layer)> Children() => module.named_children().Select(child => (child.name, Read(child.module, At(place, child.name))));

        Layer<T> Branches(Branches<T> branches)
        {
            foreach (var (name, layer) in Children()) branches.Add(name, layer);
            return branches;
        }
    }

    private Layer<T> OfTheirs(nn.Module module, string place)
    {
        try
        {
            return module switch
            {
                TorchSharp.Modules.Sequential sequential => OfSequential(sequential, place),
                Flatten flatten when flatten is { start_dim: 1, end_dim: -1 } => Reshaped([]),
                Unflatten { dim: 1, unflattened_size: { Length: 2 or 3 } sizes } when _sample.Length == 0 => Reshaped([.. sizes.Select(size => checked((int)size))]),
                Embedding embedding when _sample.Length == 0 && !_isTable => OfEmbedding(embedding),
                Linear linear when IsRows => new Linear<T>((int)linear.in_features, (int)linear.out_features, linear.bias is not null, Unused),
                _ => OfImages(module) ?? OfNorms(module) ?? OfActivations(module) ?? throw Refused(place, module, IsKnown(module)
                    ? $"has no layer like it for {(_isTable ? "rows of an embedding" : IsRows ? "rows" : $"images or signals of ({string.Join(", ", _sample)})")}, or not with its settings"
                    : "is of a kind that only its code knows"),
            };
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException && exception is not RefusedException)
        {
            throw Refused(place, module, $"is refused by its layer: {exception.Message}");
        }
    }

    /// <summary>Draws the values that are overwritten, so that the default generator does not.</summary>
    private static Generator Unused => new(0);

    private bool IsRows => _sample.Length == 0 && !_isTable;

    private Sequential<T> OfSequential(TorchSharp.Modules.Sequential module, string place)
    {
        var layers = new Sequential<T>();
        foreach (var (name, child) in module.named_children()) layers.Add(name, Read(child, At(place, name)));
        return layers;
    }

    private Identity<T> Reshaped(int[] sample)
    {
        (_sample, _isTable) = (sample, false);
        return new();
    }

    private Embedding<T> OfEmbedding(Embedding module)
    {
        var weight = module.weight!;
        _isTable = true;
        return new((int)weight.shape[0], (int)weight.shape[1], generator: Unused);
    }

    private Layer<T>? OfImages(nn.Module module)
    {
        if (_sample is [var channels, var length] && module is Conv1d { } signal)
        {
            RequireChannels(signal.in_channels, channels);
            var layer = new Conv1d<T>(
                channels, length, (int)signal.out_channels, At(signal.kernel_size, 0), At(signal.stride, 0), signal.padding_type switch { TorchSharp.Padding.Same => null, TorchSharp.Padding.Valid => 0, _ => At(signal.padding!, 0) },
                At(signal.dilation, 0), (int)signal.groups, signal.bias is not null, ModeOf(signal.padding_mode), Unused);
            _sample = [layer.OutChannels, layer.OutputLength];
            return layer;
        }

        if (_sample is not [var c, var h, var w]) return null;
        var input = new ImageShape(c, h, w);
        if (module is Conv2d { padding_type: TorchSharp.Padding.Same, padding_mode: not TorchSharp.PaddingModes.Zeros } same && Reach(same, 0) != Reach(same, 1))
            throw new ArgumentException("TorchSharp 0.107 pads the sides of its images the wrong way around with padding Same of another kind than zeros and a kernel that is no square.");
        if (module is ConvTranspose2d { output_padding: [var below, var beside] } && below != beside)
            throw new ArgumentException("TorchSharp 0.107 adds the first of two output paddings to both sides.");
        Layer<T>? made = module switch
        {
            Conv2d conv => new Conv2d<T>(
                RequireChannels(conv.in_channels, input), (int)conv.out_channels, SizeOf(conv.kernel_size), SizeOf(conv.stride), conv.padding_type switch { TorchSharp.Padding.Same => Padding2d.Same, TorchSharp.Padding.Valid => default, _ => PaddingOf(conv.padding!) },
                SizeOf(conv.dilation), (int)conv.groups, conv.bias is not null, ModeOf(conv.padding_mode), Unused),
            ConvTranspose2d conv when conv.padding_mode == TorchSharp.PaddingModes.Zeros => new ConvTranspose2d<T>(
                RequireChannels(conv.in_channels, input), (int)conv.out_channels, SizeOf(conv.kernel_size), SizeOf(conv.stride), PaddingOf(conv.padding!), SizeOf(conv.output_padding!), (int)conv.groups, conv.bias is not null,
                SizeOf(conv.dilation), Unused),
            MaxPool2d pool => new MaxPool2d<T>(input, SizeOf(pool.kernel_size), SizeOf(pool.stride ?? pool.kernel_size), SizeOf(pool.padding ?? [0]), SizeOf(pool.dilation ?? [1]), pool.ceil_mode),
            AvgPool2d pool => new AvgPool2d<T>(input, SizeOf(pool.kernel_size), SizeOf(pool.stride ?? pool.kernel_size), SizeOf(pool.padding ?? [0]), pool.ceil_mode, pool.count_include_pad, (int?)pool.divisor_override),
            AdaptiveAvgPool2d pool => new AdaptiveAvgPool2d<T>(input, SizeOf(pool.output_size)),
            Upsample { mode: TorchSharp.torch.UpsampleMode.Nearest or TorchSharp.torch.UpsampleMode.Bilinear } upsample => OfUpsample(upsample, input),
            ZeroPad2d pad => new ZeroPad2d<T>(input, pad.padding is [var left, var right, var top, var bottom] ? new Padding2d((int)left, (int)right, (int)top, (int)bottom) : PaddingOf([pad.padding[0]])),
            BatchNorm2d norm => new BatchNorm2d<T>(RequireChannels(norm.num_features, input), norm.eps, norm.momentum, norm.affine, norm.track_running_stats),
            GroupNorm norm => new GroupNorm<T>((int)norm.num_groups, input, norm.eps, norm.affine),
            InstanceNorm2d norm => new InstanceNorm2d<T>(RequireChannels(norm.num_features, input), norm.eps, norm.momentum ?? 0.1, norm.affine, norm.track_running_stats),
            Dropout2d dropout => new Dropout2d<T>(c, dropout.p),
            _ => null,
        };
        if (OutputOf(made) is ImageShape output) _sample = [output.Channels, output.Height, output.Width];
        return made;
    }

    private static int Reach(Conv2d conv, int side) => (At(conv.kernel_size, side) - 1) * At(conv.dilation, side);

    private static ImageShape? OutputOf(Layer<T>? layer) => layer switch
    {
        Conv2d<T> conv => conv.OutputShape,
        ConvTranspose2d<T> conv => conv.OutputShape,
        MaxPool2d<T> pool => pool.OutputShape,
        AvgPool2d<T> pool => pool.OutputShape,
        AdaptiveAvgPool2d<T> pool => pool.OutputShape,
        Upsample<T> upsample => upsample.OutputShape,
        ZeroPad2d<T> pad => pad.OutputShape,
        _ => null,
    };

    private static Upsample<T>? OfUpsample(Upsample module, ImageShape input)
    {
        var (mode, aligned) = (module.mode == TorchSharp.torch.UpsampleMode.Nearest ? UpsampleMode.Nearest : UpsampleMode.Bilinear, module.align_corners ?? false);
        if (module.size.Length > 0) return new(input, SizeOf(module.size.ToArray()), mode, aligned);
        // By a factor that is no whole number PyTorch takes the factor and not the sizes for where a pixel lies.
        if (module.scale_factor.ToArray() is not { Length: 1 or 2 } factors || factors.Any(factor => factor != Math.Round(factor))) return null;
        return new(input, new Size2d(checked((int)(input.Height * factors[0])), checked((int)(input.Width * factors[^1]))), mode, aligned);
    }

    private Layer<T>? OfNorms(nn.Module module) => module switch
    {
        // Over signals, a channel's steps are normalised together: they are images of one row.
        BatchNorm1d norm when _sample is [var channels, var length] => new BatchNorm2d<T>(new ImageShape(channels, 1, length), norm.eps, norm.momentum, norm.affine, norm.track_running_stats),
        BatchNorm1d norm when IsRows => new BatchNorm1d<T>((int)norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats),
        LayerNorm { normalized_shape: [var columns] } norm when IsRows => new LayerNorm<T>((int)columns, norm.eps, norm.elementwise_affine, norm.bias is not null || !norm.elementwise_affine),
        _ => null,
    };

    private Layer<T>? OfActivations(nn.Module module) => module switch
    {
        Identity => new Identity<T>(),
        Dropout dropout => new Dropout<T>(dropout.p),
        Softmax softmax when IsRows && softmax.dim is 1 or -1 => new Softmax<T>(),
        LogSoftmax softmax when IsRows && softmax.dim is 1 or -1 => new LogSoftmax<T>(),
        PReLU prelu when IsRows || prelu.num_parameters == 1 => new PReLU<T>((int)prelu.num_parameters),
        CELU celu => new CELU<T>(celu.alpha),
        ELU elu => new ELU<T>(elu.alpha),
        GELU gelu => new GELU<T>(gelu.approximate == GELU.Approximate.tanh ? GELUApproximation.Tanh : GELUApproximation.None),
        Hardshrink shrink => new Hardshrink<T>(shrink.lambda),
        Hardsigmoid => new Hardsigmoid<T>(),
        Hardswish => new Hardswish<T>(),
        ReLU6 => new ReLU6<T>(),
        Hardtanh hardtanh => new Hardtanh<T>(hardtanh.min_val, hardtanh.max_val),
        LeakyReLU leaky => new LeakyReLU<T>(leaky.negative_slope),
        LogSigmoid => new LogSigmoid<T>(),
        Mish => new Mish<T>(),
        ReLU => new ReLU<T>(),
        SELU => new SELU<T>(),
        SiLU => new SiLU<T>(),
        Sigmoid => new Sigmoid<T>(),
        Softplus softplus => new Softplus<T>(softplus.beta, softplus.threshold),
        Softshrink shrink => new Softshrink<T>(shrink.lambda),
        Softsign => new Softsign<T>(),
        Tanh => new Tanh<T>(),
        Tanhshrink => new Tanhshrink<T>(),
        _ => null,
    };

    /// <summary>What is one parameter there must be one here: trained on, several would part.</summary>
    private void RequireSameSharing(Layer<T> layer)
    {
        var here = layer.NamedParameters().ToDictionary(named => named.Name, named => named.Parameter);
        foreach (var there in Places(root, "").GroupBy(place => place.Parameter, ReferenceEqualityComparer.Instance))
        {
            var parted = there.Select(place => place.Name).Where(here.ContainsKey).DistinctBy(name => here[name], ReferenceEqualityComparer.Instance).ToArray();
            if (parted.Length > 1)
                throw new RefusedException($"{parted[0]} and {parted[1]} are one parameter there, which cannot be made here: make the network, with one, and call CopyFrom.");
        }

        static IEnumerable<(string Name, Parameter Parameter)> Places(nn.Module module, string place) => module.named_parameters(recurse: false).Select(own => (At(place, own.name), own.parameter))
            .Concat(module.named_children().SelectMany(child => Places(child.module, At(place, child.name))));
    }

    private static bool IsKnown(nn.Module module) => module.GetType().Namespace == typeof(Linear).Namespace;

    private static RefusedException Refused(string place, nn.Module module, string what) =>
        new($"{(place.Length == 0 ? "" : $"{place}: ")}{module.GetType().Name} {what}. CopyFrom takes values from any module, by name, into a network that is made here.");

    private static string At(string place, string name) => place.Length == 0 ? name : $"{place}.{name}";

    private static ImageShape RequireChannels(long expected, ImageShape input)
    {
        RequireChannels(expected, input.Channels);
        return input;
    }

    private static void RequireChannels(long expected, int channels)
    {
        if (expected != channels) throw new ArgumentException($"it expects {expected} channels, but is given {channels}.");
    }

    private static int At(long[] sizes, int side) => checked((int)sizes[Math.Min(side, sizes.Length - 1)]);

    private static Size2d SizeOf(long[] sizes) => new(At(sizes, 0), At(sizes, 1));

    private static Padding2d PaddingOf(long[] sizes) => new(At(sizes, 1), At(sizes, 1), At(sizes, 0), At(sizes, 0));

    private static PaddingMode ModeOf(TorchSharp.PaddingModes mode) => mode switch
    {
        TorchSharp.PaddingModes.Reflect => PaddingMode.Reflect,
        TorchSharp.PaddingModes.Replicate => PaddingMode.Replicate,
        TorchSharp.PaddingModes.Circular => PaddingMode.Circular,
        _ => PaddingMode.Zeros,
    };

    private sealed class RefusedException(string message) : ArgumentException(message);
}
