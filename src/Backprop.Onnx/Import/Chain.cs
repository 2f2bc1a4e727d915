using System.Globalization;
using System.Numerics;
using static System.FormattableString;

namespace Backprop.Onnx;

/// <summary>Goes along a graph that is a chain, and makes a layer of each node. Keeps in mind what shape the value has that it is at: images and signals are rows here.</summary>
internal sealed class Chain<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MostPixels = 1 << 16, MostOfWindow = 1 << 10, MostNodes = 10_000;

    private readonly Model _model;
    private readonly string _output;
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);
    private readonly List<(string Path, Layer<T> Layer)> _layers = [];
    private List<Node> _nodes;
    private readonly ImageShape? _inputShape;
    private string _value = "";
    private int[]? _shape;      // without the samples; null where not known, -1 for a size that is not
    private int _at;

    public Chain(Model model, string? output, ImageShape? inputShape)
    {
        (_model, _inputShape) = (model, inputShape);
        var names = model.Graph.Outputs.Select(port => port.Name).ToArray();
        var list = string.Join(", ", names.Select(name => $"\"{name}\""));
        if (output is null && names.Length > 1) throw new ArgumentException($"The graph has several outputs, {list}: Load expects output to say which.", nameof(output));
        if (output is not null && !names.Contains(output)) throw new ArgumentException($"The graph has no output \"{output}\"; it has {list}.", nameof(output));
        _output = output ?? names[0];
        foreach (var tensor in model.Graph.Tensors) _tensors[tensor.Name] = tensor;
        _nodes = Needed();
        if (_nodes.Count > MostNodes) throw new NotSupportedException(Invariant($"The ONNX file cannot be imported: its output \"{_output}\" is made by {_nodes.Count} nodes, and no more than {MostNodes} are taken."));
    }

    private Node Node => _nodes[_at];

    /// <summary>All layers.</summary>
    public Sequential<T> Read()
    {
        Begin();
        var chain = new List<Node>();
        for (_at = 0; _at < _nodes.Count; _at++)
        {
            if (!IsOfWeights()) chain.Add(Node);
            else if (Folded() is { } tensor) _tensors[Node.Outputs[0]] = tensor;
            else chain.Add(Node);       // to be named, where nothing is before it
        }

        _nodes = chain;
        for (_at = 0; _at < _nodes.Count; _at++)
        {
            if (IsOfWeights()) throw Refusal("computes with weights alone, which is not done here");
            if (Node.Inputs.Find(input => input.Length > 0 && input != _value && !_tensors.ContainsKey(input)) is { } other) throw Refusal($"takes \"{other}\", which is not what the node before it gives: this is no chain");
            Take();
            _value = Node.Outputs[0];
        }

        if (_value != _output) throw new NotSupportedException($"The ONNX file cannot be imported: its output \"{_output}\" does not depend on its input.");
        return Tree.Of(_layers);
    }

    /// <summary>The nodes that the output is made of, in order.</summary>
    private List<Node> Needed()
    {
        var (needed, nodes) = (new HashSet<string>(StringComparer.Ordinal) { _output }, new List<Node>());
        for (var i = _model.Graph.Nodes.Count - 1; i >= 0; i--)
        {
            var node = _model.Graph.Nodes[i];
            if (!node.Outputs.Exists(needed.Contains)) continue;
            nodes.Add(node);
            foreach (var input in node.Inputs) needed.Add(input);
        }

        nodes.Reverse();
        return nodes;
    }

    private void Begin()
    {
        var used = _nodes.SelectMany(node => node.Inputs).Append(_output).ToHashSet(StringComparer.Ordinal);
        var inputs = _model.Graph.Inputs.Where(port => !_tensors.ContainsKey(port.Name) && used.Contains(port.Name)).ToArray();
        if (inputs.Length != 1) throw new NotSupportedException(Invariant($"The ONNX file cannot be imported: its output \"{_output}\" depends on {inputs.Length} inputs, and a chain has one."));
        (_value, var shape) = (inputs[0].Name, inputs[0].Shape);
        if (shape is { Length: > 1 })
            _shape = [.. shape.Skip(1).Select(size => int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var known) && known > 0 ? known : -1)];
        if (_inputShape is not { } image) return;
        if (shape is not null && shape.Length != 4) throw new ArgumentException(Invariant($"The input \"{_value}\" has {shape.Length} axes and is no image: Load expects no inputShape."), "inputShape");
        _shape = [image.Channels, image.Height, image.Width];
    }

    private bool IsOfWeights() => Node.Inputs.TrueForAll(input => input.Length == 0 || _tensors.ContainsKey(input));

    /// <summary>What is made of weights alone is a weight; null where it is not known which.</summary>
    private Tensor? Folded()
    {
        var first = Node.Inputs.Count > 0 ? _tensors.GetValueOrDefault(Node.Inputs[0]) : null;
        return Node.Op switch
        {
            "Constant" when Setting("value") is Tensor value => value,
            "Constant" when Setting("value_float") is float value => new("", OnnxType.Float, [], BitConverter.GetBytes(value)),
            "Constant" when Setting("value_int") is long value => new("", OnnxType.Int64, [], BitConverter.GetBytes(value)),
            "Constant" when Setting("value_ints") is long[] values => new("", OnnxType.Int64, [values.Length], [.. values.SelectMany(BitConverter.GetBytes)]),
            "Identity" when first is not null => first,
            "Transpose" when first is { Shape.Length: 2 } && Wholes("perm", 1, 0) is [1, 0] => Transposed(first),
            _ => null,
        };
    }

    private static Tensor Transposed(Tensor tensor)
    {
        var (rows, columns, size, bytes) = ((int)tensor.Shape[0], (int)tensor.Shape[1], Tensor.SizeOf(tensor.Type), new byte[tensor.Bytes.Length]);
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++) tensor.Bytes.AsSpan((i * columns + j) * size, size).CopyTo(bytes.AsSpan((j * rows + i) * size));
        return tensor with { Shape = [columns, rows], Bytes = bytes };
    }

    private void Take()
    {
        if (Node.Domain.Length > 0)
        {
            if (Node is { Domain: "ai.onnx.ml", Op: "Scaler" }) TakeScaler();
            else throw Refusal($"is an operator of {Node.Domain}, which is not known here");
            return;
        }

        switch (Node.Op)
        {
            case "Gemm": TakeGemm(); break;
            case "MatMul": TakeMatMul(); break;
            case "Div" or "Mul" when IsGELU():
                _at += 4;
                Add(new GELU<T>());
                break;
            case "Sub": TakeStandardize(); break;
            case "Conv": TakeConv(); break;
            case "BatchNormalization": TakeBatchNorm(); break;
            case "LayerNormalization": TakeLayerNorm(); break;
            case "MaxPool" or "AveragePool": TakePool(); break;
            case "GlobalAveragePool": TakeMean(); break;
            case "ReduceMean" when Image() is not null && ReducesPixels(): TakeMean(); break;
            case "Reshape": TakeReshape(); break;
            case "Flatten": Flatten(); break;
            case "Squeeze": TakeSqueeze(); break;
            case "Identity": break;
            // What numbers come as is the caller's affair; within the network they stay what they are.
            case "Cast" when (OnnxType)Whole("to", 0) is OnnxType.Float or OnnxType.Double: break;
            default:
                Add(Elementwise() ?? throw Refusal("has no layer here"));
                break;
        }
    }

    private Layer<T>? Elementwise()
    {
        switch (Node.Op)
        {
            case "Relu": return new ReLU<T>();
            case "Sigmoid" when IsProductWithInput(): return SiLU();
            case "Sigmoid": return new Sigmoid<T>();
            case "Tanh": return new Tanh<T>();
            case "Elu": return new ELU<T>(Number("alpha", 1));
            case "Celu": return new CELU<T>(Number("alpha", 1));
            case "Selu" when (float)Number("alpha", 1.67326319217681884765625) == 1.67326324f && (float)Number("gamma", 1.05070102214813232421875) == 1.05070102f: return new SELU<T>();
            case "LeakyRelu": return new LeakyReLU<T>(Number("alpha", 0.01));
            case "Softplus": return new Softplus<T>();
            case "Softsign": return new Softsign<T>();
            case "HardSwish": return new Hardswish<T>();
            case "HardSigmoid" when Math.Abs(Number("alpha", 0.2) - 1.0 / 6) < 1e-6 && Number("beta", 0.5) == 0.5: return new Hardsigmoid<T>();
            case "Mish": return new Mish<T>();
            case "Gelu": return new GELU<T>((string?)Setting("approximate") == "tanh" ? GELUApproximation.Tanh : GELUApproximation.None);
            case "Dropout": return new Dropout<T>(Node.Inputs.Count > 1 && Node.Inputs[1].Length > 0 ? Single(1, "ratio") : Number("ratio", 0.5));
            case "PRelu": return PReLU();
            case "Clip": return Clip();
            case "Softmax": return IsLastAxis() ? new Softmax<T>() : null;
            case "LogSoftmax": return IsLastAxis() ? new LogSoftmax<T>() : null;
            default: return null;
        }
    }

    // x sigmoid(x), as PyTorch writes SiLU
    private bool IsProductWithInput() => _at + 1 < _nodes.Count && _nodes[_at + 1] is { Op: "Mul", Domain: "", Inputs.Count: 2 } product && product.Inputs.Contains(_value) && product.Inputs.Contains(Node.Outputs[0]);

    // x (erf(x / sqrt(2)) + 1) / 2, as PyTorch writes GELU before opset 20, in either order of the last two
    private bool IsGELU()
    {
        if (_at + 4 >= _nodes.Count || Node.Inputs.Count != 2 || Node.Inputs[0] != _value || !IsNear(Node.Inputs[1], Node.Op == "Div" ? Math.Sqrt(2) : Math.Sqrt(0.5))) return false;
        Node[] next = [.. _nodes.GetRange(_at + 1, 4).Where(node => node.Domain.Length == 0)];
        return next is [{ Op: "Erf" } erf, { Op: "Add" } sum, { Op: "Mul" } first, { Op: "Mul" } second]
            && erf.Inputs.SequenceEqual(Node.Outputs) && Takes(sum, erf, 1) && ((Takes(first, sum, null) && Takes(second, first, 0.5)) || (Takes(first, sum, 0.5) && Takes(second, first, null)));

        // Of a node before and a number, or what came.
        bool Takes(Node node, Node before, double? number) => node.Inputs.Count == 2 && node.Inputs.Contains(before.Outputs[0])
            && node.Inputs.Exists(input => number is double value ? IsNear(input, value) : input == _value);

        bool IsNear(string input, double value) => _tensors.TryGetValue(input, out var tensor) && Numbers.Of<double>(tensor) is [var number] && Math.Abs(number - value) < 1e-6;
    }

    private SiLU<T> SiLU()
    {
        _at++;
        return new();
    }

    private PReLU<T> PReLU()
    {
        var slopes = Values(1, "the slopes");
        if (slopes.Length != 1 && _shape is not [_]) throw Refusal("has slopes for each channel of an image, and PReLU here has them for columns");
        var layer = new PReLU<T>(slopes.Length);
        slopes.CopyTo(layer.Weight.Values);
        return layer;
    }

    private Layer<T> Clip()
    {
        var least = Node.Inputs.Count > 1 && Node.Inputs[1].Length > 0 ? Single(1, "the least") : Number("min", double.NegativeInfinity);
        var most = Node.Inputs.Count > 2 && Node.Inputs[2].Length > 0 ? Single(2, "the most") : Number("max", double.PositiveInfinity);
        if (least == 0 && (most is double.PositiveInfinity || most >= float.MaxValue)) return new ReLU<T>();
        if (least == 0 && most == 6) return new ReLU6<T>();
        return least < most ? new Hardtanh<T>(least, most) : throw Refusal("has bounds that cross");
    }

    private bool IsLastAxis()
    {
        var axis = Whole("axis", _model.Opset >= 13 ? -1 : 1);
        return _shape is null or [_] && axis is -1 or 1;
    }

    // y = a x W + b
    private void TakeGemm()
    {
        if (Number("alpha", 1) != 1 || Number("beta", 1) != 1 || Whole("transA", 0) != 0) throw Refusal("scales or transposes what it multiplies");
        AddLinear(1, Whole("transB", 0) != 0, Node.Inputs.Count > 2 && Node.Inputs[2].Length > 0 ? 2 : null, Node);
    }

    private void TakeMatMul()
    {
        var product = Node;
        var isAdded = _at + 1 < _nodes.Count && _nodes[_at + 1] is { Op: "Add", Domain: "", Inputs.Count: 2 } sum && sum.Inputs.Contains(product.Outputs[0])
            && _tensors.TryGetValue(sum.Inputs.Find(input => input != product.Outputs[0]) ?? "", out var bias) && _tensors.TryGetValue(product.Inputs[^1], out var weight) && bias.Count == weight.Shape[^1];
        if (isAdded) _at++;
        AddLinear(1, false, isAdded ? Node.Inputs[0] == product.Outputs[0] ? 1 : 0 : null, product);
    }

    private void AddLinear(int weightAt, bool isTransposed, int? biasAt, Node product)
    {
        if (product.Inputs[0] != _value || product.Inputs.Count < 2) throw Refusal("does not multiply what comes with a weight on its right");
        var weight = TensorOf(product, weightAt, "the weight");
        if (weight.Shape is not [> 0, > 0]) throw Refusal($"has a weight that is {weight.ShapeText}, and no matrix");
        var (rows, columns) = ((int)weight.Shape[0], (int)weight.Shape[1]);
        var (inFeatures, outFeatures) = isTransposed ? (columns, rows) : (rows, columns);
        RequireColumns(inFeatures);
        T[] values = Numbers.Of<T>(weight) ?? throw Refusal("has a weight of whole numbers"), biases = biasAt is int at ? Values(at, "the bias") : [];
        if (biasAt is not null && biases.Length != outFeatures) throw Refusal(Invariant($"has a bias of {biases.Length} numbers for {outFeatures} columns"));
        var layer = new Linear<T>(inFeatures, outFeatures, bias: biasAt is not null);
        for (var i = 0; i < outFeatures; i++)
            for (var j = 0; j < inFeatures; j++) layer.Weight.Value[i, j] = isTransposed ? values[i * inFeatures + j] : values[j * outFeatures + i];
        if (layer.Bias is not null) biases.CopyTo(layer.Bias.Values);
        Add(layer, weight.Name);
        _shape = [outFeatures];
    }

    // (x - mean) / std
    private void TakeStandardize()
    {
        var shift = Node;
        if (shift.Inputs[0] != _value || _at + 1 >= _nodes.Count || _nodes[_at + 1] is not { Op: "Div" or "Mul", Domain: "", Inputs.Count: 2 } scale || scale.Inputs[0] != shift.Outputs[0] || !_tensors.ContainsKey(scale.Inputs[1]))
            throw Refusal("subtracts, and is not followed by a division, as a scaler is");
        var mean = Values(1, "the mean");
        _at++;
        AddStandardize(mean, Values(1, "the deviation"), isDivided: scale.Op == "Div");
    }

    private void TakeScaler()
    {
        var (mean, scale) = ((Setting("offset") as float[])?.Select(T.CreateSaturating).ToArray() ?? [], (Setting("scale") as float[])?.Select(T.CreateSaturating).ToArray() ?? []);
        AddStandardize(mean, scale, isDivided: false);
    }

    private void AddStandardize(T[] mean, T[] scale, bool isDivided)
    {
        var columns = Math.Max(mean.Length, scale.Length);
        if (columns == 1 && _shape is [> 1]) columns = _shape[0];
        if (columns == 0 || (mean.Length != columns && mean.Length != 1) || (scale.Length != columns && scale.Length != 1)) throw Refusal("has as many means as deviations, or one");
        RequireColumns(columns);
        var layer = new Standardize<T>(columns, allowConstant: true);
        for (var j = 0; j < columns; j++)
        {
            layer.Mean.Values[j] = mean[mean.Length == 1 ? 0 : j];
            var by = scale[scale.Length == 1 ? 0 : j];
            layer.Std.Values[j] = isDivided ? by : T.One / by;
        }

        layer.SamplesSeen.Value = 1;
        Add(layer);
        _shape = [columns];
    }

    private void TakeConv()
    {
        if (Node.Inputs[0] != _value) throw Refusal("does not convolve what comes");
        var (weight, biases) = (TensorOf(Node, 1, "the weight"), Node.Inputs.Count > 2 && Node.Inputs[2].Length > 0 ? Values(2, "the bias") : null);
        T[] values = Numbers.Of<T>(weight) ?? throw Refusal("has a weight of whole numbers");
        var group = (int)Math.Clamp(Whole("group", 1), 0, int.MaxValue);
        // As many numbers as a layer will have: else a file of few bytes could ask for any.
        if (_shape is not [> 0 and var channels, ..] || weight.Shape.Length != _shape.Length + 1 || weight.Shape[1] * group != channels || weight.Count == 0)
            throw Refusal($"has a weight that is {weight.ShapeText}, which does not fit what it is given");
        MatrixParameter<T> weights;
        VectorParameter<T>? bias;
        if (weight.Shape is [var filters, _, var length])
        {
            if (_shape is not [> 0, > 0]) throw Refusal("is given signals whose length the file does not say");
            RequireKernel(length);
            var pads = Pads(1, [length]);
            if (pads[0] != pads[1]) throw Refusal("pads the two ends of a signal differently");
            var layer = Made(() => new Conv1d<T>(_shape[0], _shape[1], (int)filters, (int)length, Side("strides"), pads[0], Side("dilations"), group, biases is not null));
            (weights, bias) = (layer.Weight, layer.Bias);
            Add(layer, weight.Name);
            _shape = [layer.OutChannels, layer.OutputLength];
        }
        else if (weight.Shape is [var images, _, var height, var width])
        {
            var image = Image() ?? throw Refusal("is given images whose size the file does not say; inputShape does");
            RequireKernel(height, width);
            var pads = Pads(2, [height, width]);
            var layer = Made(() => new Conv2d<T>(image, (int)images, new((int)height, (int)width), Sides("strides"), new Padding2d(pads[1], pads[3], pads[0], pads[2]), Sides("dilations"), group, biases is not null));
            (weights, bias) = (layer.Weight, layer.Bias);
            Add(layer, weight.Name);
            SetImage(layer.OutputShape);
        }
        else throw Refusal($"has a weight that is {weight.ShapeText}; signals and images are known here");

        if (biases is not null && biases.Length != bias!.Count) throw Refusal(Invariant($"has a bias of {biases.Length} numbers for {bias.Count} channels"));
        for (var (i, columns) = (0, weights.Value.ColumnCount); i < values.Length; i++) weights.Value[i / columns, i % columns] = values[i];
        biases?.CopyTo(bias!.Values);
    }

    private void TakeBatchNorm()
    {
        if (Whole("training_mode", 0) != 0) throw Refusal("is in training mode");
        if (Node.Inputs[0] != _value || Node.Inputs.Count < 5) throw Refusal("lacks an input");
        T[] weight = Values(1, "the weight"), bias = Values(2, "the bias"), mean = Values(3, "the mean"), variance = Values(4, "the variance");
        var (epsilon, momentum) = (Number("epsilon", 1e-5), Math.Round(1 - Number("momentum", 0.9), 6));
        var features = weight.Length;
        if (features == 0 || bias.Length != features || mean.Length != features || variance.Length != features) throw Refusal("has weights of different lengths");
        BatchNorm<T> layer;
        if ((Image() ?? Signal()) is { } image) layer = image.Channels == features ? Made(() => new BatchNorm2d<T>(image, epsilon, momentum)) : throw Refusal(Invariant($"has {features} weights for {image.Channels} channels"));
        else
        {
            RequireColumns(features);
            layer = Made(() => new BatchNorm1d<T>(features, epsilon, momentum));
            _shape = [features];
        }

        weight.CopyTo(layer.Weight!.Values);
        bias.CopyTo(layer.Bias!.Values);
        mean.CopyTo(layer.RunningMean!.Values);
        variance.CopyTo(layer.RunningVar!.Values);
        Add(layer, TensorOf(Node, 1, "the weight").Name);
    }

    private void TakeLayerNorm()
    {
        var (weight, bias) = (Values(1, "the weight"), Node.Inputs.Count > 2 && Node.Inputs[2].Length > 0 ? Values(2, "the bias") : null);
        if (Node.Inputs[0] != _value || _shape is not (null or [_]) || Whole("axis", -1) is not (-1 or 1)) throw Refusal("normalises other than the columns of a row");
        RequireColumns(weight.Length);
        if (bias is not null && bias.Length != weight.Length) throw Refusal("has weights of different lengths");
        var layer = Made(() => new LayerNorm<T>(weight.Length, Number("epsilon", 1e-5), bias: bias is not null));
        weight.CopyTo(layer.Weight!.Values);
        bias?.CopyTo(layer.Bias!.Values);
        Add(layer, TensorOf(Node, 1, "the weight").Name);
        _shape = [weight.Length];
    }

    private void TakePool()
    {
        var image = Image() ?? throw Refusal("is given images whose size the file does not say; inputShape does");
        if (Node.Outputs.Count > 1 && Node.Outputs[1].Length > 0) throw Refusal("gives places beside values");
        if (Whole("storage_order", 0) != 0) throw Refusal("counts columns before rows");
        var kernel = Wholes("kernel_shape");
        if (kernel is not [_, _]) throw Refusal("has no window of two sides");
        RequireKernel(kernel);
        var pads = Pads(2, kernel);
        if (pads[0] != pads[2] || pads[1] != pads[3]) throw Refusal("pads two sides of an image differently");
        Size2d size = new((int)kernel[0], (int)kernel[1]), padding = new(pads[0], pads[1]);
        var ceil = Whole("ceil_mode", 0) != 0;
        if (Node.Op == "MaxPool")
        {
            var layer = Made(() => new MaxPool2d<T>(image, size, Sides("strides"), padding, Sides("dilations"), ceil));
            Add(layer);
            SetImage(layer.OutputShape);
            return;
        }

        if (Sides("dilations") != 1) throw Refusal("leaves pixels out between those that it averages");
        var mean = Made(() => new AvgPool2d<T>(image, size, Sides("strides"), padding, ceil, Whole("count_include_pad", 0) != 0));
        Add(mean);
        SetImage(mean.OutputShape);
    }

    private void TakeMean()
    {
        var image = Image() ?? throw Refusal("is given images whose size the file does not say; inputShape does");
        Add(new AdaptiveAvgPool2d<T>(image, 1));
        _shape = Node.Op == "ReduceMean" && Whole("keepdims", 1) == 0 ? [image.Channels] : [image.Channels, 1, 1];
    }

    private bool ReducesPixels()
    {
        var axes = Node.Inputs.Count > 1 && _tensors.TryGetValue(Node.Inputs[1], out var tensor) ? Numbers.Integers(tensor) : Wholes("axes");
        return axes is [var a, var b] && (a < 0 ? a + 4 : a, b < 0 ? b + 4 : b) is (2, 3) or (3, 2);
    }

    private void TakeReshape()
    {
        var to = Numbers.Integers(TensorOf(Node, 1, "the shape"));
        if (to is [_, _])
        {
            // One row for each sample, as long as it is.
            var columns = Columns();
            if (to[1] > 0 && columns > 0 && to[1] != columns) throw Refusal(Invariant($"makes rows of {to[1]} columns of samples of {columns} numbers"));
            if (to[0] > 1 || (to[0] == 1 && to[1] == -1 && columns < 0)) throw Refusal("fixes the number of rows");
            _shape = to[1] is > 0 and <= int.MaxValue ? [(int)to[1]] : columns > 0 ? [columns] : null;
        }
        else if (to is [_, > 0 and <= 1 << 24, > 0 and <= 1 << 24, > 0 and <= 1 << 24] && Columns() is var columns && (columns < 0 || columns == (double)to[1] * to[2] * to[3])) _shape = [(int)to[1], (int)to[2], (int)to[3]];
        else if (to is [_, > 0 and <= 1 << 24, > 0 and <= 1 << 24] && Columns() is var all && (all < 0 || all == (double)to[1] * to[2])) _shape = [(int)to[1], (int)to[2]];
        else throw Refusal("makes of a sample what is neither a row nor an image of as many numbers");
    }

    private void Flatten()
    {
        if (Whole("axis", 1) != 1) throw Refusal("flattens other than all axes of a sample");
        _shape = Columns() is > 0 and var columns ? [columns] : null;
    }

    private void TakeSqueeze()
    {
        if (_shape is not [var channels, 1, 1]) throw Refusal("leaves out axes other than those of an image of one pixel");
        _shape = [channels];
    }

    /// <summary>The numbers of a sample; -1 where they are not known.</summary>
    private int Columns() => _shape is null || _shape.Contains(-1) ? -1 : _shape.Aggregate(1.0, (product, size) => product * size) is <= int.MaxValue and var all ? (int)all : throw Refusal("is given samples that are larger than can be");

    // A file may claim any size.
    private ImageShape? Image() => _shape is not [> 0 and var channels, > 0 and var height, > 0 and var width] ? null
        : channels <= MostPixels && height <= MostPixels && width <= MostPixels ? new(channels, height, width) : throw Refusal(Invariant($"is given images of {channels}x{height}x{width}, which are larger than any"));

    // An image of one line.
    private ImageShape? Signal() => _shape is [> 0 and var channels, > 0 and var length] ? new(channels, 1, length) : null;

    private void SetImage(ImageShape image) => _shape = [image.Channels, image.Height, image.Width];

    private void RequireColumns(int columns)
    {
        if (_shape is { Length: > 1 }) throw Refusal("is given what is no row");
        if (_shape is [> 0 and var given] && given != columns) throw Refusal(Invariant($"takes {columns} columns, but is given {given}"));
    }

    private void RequireKernel(params ReadOnlySpan<long> sizes)
    {
        foreach (var size in sizes)
            if (size is < 1 or > MostOfWindow) throw Refusal(Invariant($"has a window of {size}"));
    }

    private TLayer Made<TLayer>(Func<TLayer> make)
    {
        try
        {
            return make();
        }
        catch (ArgumentException refused)
        {
            throw Refusal($"has no layer here: {refused.Message}");
        }
    }

    private int[] Pads(int sides, long[] kernel)
    {
        var auto = (string?)Setting("auto_pad") ?? "NOTSET";
        if (auto is "VALID") return new int[2 * sides];
        if (auto is "SAME_UPPER" or "SAME_LOWER" && Wholes("strides", [.. Enumerable.Repeat(1L, sides)]).All(stride => stride == 1))
        {
            var reach = kernel.Zip(Wholes("dilations", [.. Enumerable.Repeat(1L, sides)]), (size, dilation) => Math.Min((size - 1) * dilation, 1 << 24)).ToArray();
            return [.. reach.Select(size => (int)(auto == "SAME_UPPER" ? size / 2 : (size + 1) / 2)), .. reach.Select(size => (int)(auto == "SAME_UPPER" ? (size + 1) / 2 : size / 2))];
        }

        if (auto is not "NOTSET") throw Refusal($"has auto_pad {auto} with strides");
        var pads = Wholes("pads", new long[2 * sides]);
        if (pads.Length != 2 * sides || Array.Exists(pads, pad => pad is < 0 or > 1 << 24)) throw Refusal("has pads that are none");
        return Array.ConvertAll(pads, pad => (int)pad);
    }

    private int Side(string name) => Wholes(name, 1) is [>= 1 and <= 1 << 24 and var size] ? (int)size : throw Refusal($"has {name} that are none");

    private Size2d Sides(string name) => Wholes(name, 1, 1) is [>= 1 and <= 1 << 24 and var height, >= 1 and <= 1 << 24 and var width] ? new((int)height, (int)width) : throw Refusal($"has {name} that are none");

    private object? Setting(string name) => Node.Attributes.Find(setting => setting.Name == name)?.Value;

    // A float as it was written: 1e-5, and not the double next to the float next to it.
    private double Number(string name, double otherwise) => Setting(name) is float value ? double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : otherwise;

    private long Whole(string name, long otherwise) => Setting(name) is long value ? value : otherwise;

    private long[] Wholes(string name, params long[] otherwise) => Setting(name) is long[] values ? values : otherwise;

    private Tensor TensorOf(Node node, int input, string what) => input < node.Inputs.Count && _tensors.TryGetValue(node.Inputs[input], out var tensor) ? tensor : throw Refusal($"lacks {what}, or computes it");

    private T[] Values(int input, string what) => Numbers.Of<T>(TensorOf(Node, input, what)) ?? throw Refusal($"has whole numbers for {what}");

    private double Single(int input, string what) => Values(input, what) is [var value] ? double.CreateChecked(value) : throw Refusal($"has several numbers for {what}");

    /// <summary>Adds a layer under the name that its weight has, or its node; else beside the layer before it, under the next number or as the operator.</summary>
    private void Add(Layer<T> layer, string weight = "")
    {
        var path = weight.EndsWith(".weight", StringComparison.Ordinal) ? weight[..^".weight".Length]
            : Node.Name.StartsWith('/') && Node.Name.LastIndexOf('/') is > 0 and var end ? Node.Name[1..end].Replace('/', '.') : "";
        _layers.Add((path.Length > 0 ? path : Next(), layer));

        string Next()
        {
            if (_layers.Count == 0) return "0";
            var before = _layers[^1].Path;
            var last = before.LastIndexOf('.') + 1;
            return int.TryParse(before.AsSpan(last), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < MostNodes
                ? Invariant($"{before[..last]}{number + 1}") : $"{before[..last]}{Node.Op.ToLowerInvariant()}";
        }
    }

    private NotSupportedException Refusal(string why) => new($"The ONNX file cannot be imported: its node {Node} {why}.");
}
