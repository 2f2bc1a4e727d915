using System.Globalization;
using System.Numerics;
using static System.FormattableString;

namespace Backprop.Onnx;

/// <summary>Goes along a graph that is a chain, and makes a layer of each node. Keeps in mind what shape the value has that it is at: images and signals are rows here.</summary>
internal sealed class Chain<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MostPixels = 1 << 16, MostOfWindow = 1 << 10, MostOfAxis = 1 << 24, MostNodes = 10_000, MostAxes = 16;

    // What every file may ask for, and how much more for each of its bytes: a weight in half precision may stand in eight nodes.
    private const long MostNumbers = 1 << 20, MostNumbersPerByte = 4;

    // The first axis, in a shape: as many samples as come.
    private const long Samples = long.MinValue;

    private readonly Model _model;
    private readonly string _output;
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Extent[]> _sizes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int[]?> _shapes = new(StringComparer.Ordinal);
    private readonly List<(string Path, Layer<T> Layer)> _layers = [];
    private readonly long _bytes;
    private List<Node> _nodes;
    private readonly ImageShape? _inputShape;
    private string _value = "";
    private int[]? _shape;      // without the samples; null where not known, -1 for a size that is not
    private long _rows = -1;    // samples, where the file fixes their number
    private long _made;
    private int _at;

    /// <summary>Looks for the nodes that an output is made of.</summary>
    /// <param name="model">The model.</param>
    /// <param name="bytes">How large its file is: what is made is in proportion to that.</param>
    /// <param name="output">Which output; null for the only one.</param>
    /// <param name="inputShape">The size of images, where the file does not say it.</param>
    public Chain(Model model, long bytes, string? output, ImageShape? inputShape)
    {
        (_model, _bytes, _inputShape) = (model, bytes, inputShape);
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
            if (!IsOfWeights())
            {
                if (Sizes() is { } sizes) _sizes[Node.Outputs[0]] = sizes;
                else chain.Add(Node);
            }
            else if (Folded() is { } tensor) _tensors[Node.Outputs[0]] = tensor;
            else chain.Add(Node);       // to be named, where nothing is before it
        }

        _nodes = chain;
        _shapes[_value] = _shape;
        for (_at = 0; _at < _nodes.Count; _at++)
        {
            if (IsOfWeights()) throw Refusal("computes with weights alone, which is not done here");
            if (Node.Inputs.Find(input => input.Length > 0 && input != _value && !_tensors.ContainsKey(input) && !(Node.Op == "Reshape" && _sizes.ContainsKey(input))) is { } other) throw Refusal($"takes \"{other}\", which is not what the node before it gives: this is no chain");
            Take();
            _value = Node.Outputs[0];
            _shapes[_value] = _shape;
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
        if (inputs[0].Type is not (OnnxType.None or OnnxType.Float or OnnxType.Double or OnnxType.Float16) && !_nodes.TrueForAll(node => node.Op == "Cast" || !node.Inputs.Contains(_value)))
            throw new NotSupportedException(Invariant($"The ONNX file cannot be imported: its input \"{_value}\" is of the type {(int)inputs[0].Type}, and layers take floats."));
        if (shape is [var samples, ..] && long.TryParse(samples, NumberStyles.None, CultureInfo.InvariantCulture, out var rows)) _rows = rows;
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
        if (Node.Domain.Length > 0) return null;
        var first = Node.Inputs.Count > 0 ? _tensors.GetValueOrDefault(Node.Inputs[0]) : null;
        return Node.Op switch
        {
            "Constant" when Setting<Tensor>("value", "tensor") is { } value => value,
            "Constant" when Setting<object>("value_float", "number") is float value => new("", OnnxType.Float, [], BitConverter.GetBytes(value)),
            "Constant" when Setting<object>("value_int", "whole number") is long value => new("", OnnxType.Int64, [], BitConverter.GetBytes(value)),
            "Constant" when Setting<long[]>("value_ints", "list of whole numbers") is { } values => new("", OnnxType.Int64, [values.Length], [.. values.SelectMany(BitConverter.GetBytes)]),
            "Identity" when first is not null => first,
            "Unsqueeze" when first is { Shape: [], Type: OnnxType.Int64 } => first with { Shape = [1] },
            "Transpose" when first is { Shape.Length: 2 } && Wholes("perm", 1, 0) is [1, 0] => Transposed(first),
            _ => null,
        };
    }

    /// <summary>Where a node tells sizes, as <c>x.view(x.size(0), -1)</c> asks for them before it reshapes: which. Null where it does anything else.</summary>
    private Extent[]? Sizes()
    {
        if (Node.Domain.Length > 0 || Node.Outputs.Contains(_output)) return null;
        if (Node.Op == "Shape")
        {
            var (start, end) = (Whole("start", 0), Math.Min(Whole("end", MostAxes), MostAxes));
            return start < 0 || end < start ? null : [.. Enumerable.Range((int)start, (int)(end - start)).Select(axis => new Extent(Node.Inputs[0], axis))];
        }

        if (Node.Op == "Concat")
        {
            var parts = Node.Inputs.Select(input => _sizes.TryGetValue(input, out var sizes) ? sizes
                : _tensors.TryGetValue(input, out var tensor) && tensor.Count <= MostAxes ? Numbers.Integers(tensor)?.Select(number => new Extent(null, number)).ToArray() : null).TakeWhile(part => part is not null).ToArray();
            return parts.Length == Node.Inputs.Count && parts.Sum(part => part!.Length) <= MostAxes ? [.. parts.SelectMany(part => part!)] : null;
        }

        if (!_sizes.TryGetValue(Node.Inputs[0], out var given)) return null;
        return Node.Op switch
        {
            "Identity" or "Squeeze" or "Unsqueeze" => given,
            "Cast" when (OnnxType)Whole("to", 0) is OnnxType.Int64 or OnnxType.Int32 => given,
            "Gather" when Whole("axis", 0) == 0 && Integers(1) is [>= 0 and var at] && at < given.Length => [given[at]],
            "Slice" when Integers(1) is [>= 0 and var start] && Integers(2) is [>= 0 and var end] && start <= Math.Min(end, given.Length) && (Node.Inputs.Count < 5 || Integers(4) is [1]) => given[(int)start..(int)Math.Min(end, given.Length)],
            _ => null,
        };

        long[]? Integers(int input) => input < Node.Inputs.Count && _tensors.TryGetValue(Node.Inputs[input], out var tensor) ? Numbers.Integers(tensor) : null;
    }

    private Tensor Transposed(Tensor tensor)
    {
        Make(tensor.Count);
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

        if (Node.Inputs.Count > MostInputs(Node.Op)) throw Refusal(Invariant($"has {Node.Inputs.Count} inputs, and {MostInputs(Node.Op)} at most are known here"));
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
            case "ReduceMean" when ReducesPixels(): TakeMean(); break;
            case "ReduceMean": throw Refusal("averages other than all pixels of an image");
            case "Pad": TakePad(); break;
            case "Reshape": TakeReshape(); break;
            case "Flatten": Flatten(); break;
            case "Squeeze": TakeSqueeze(); break;
            case "Identity": break;
            // What numbers come as is the caller's affair; within the network they stay what they are.
            case "Cast" when (OnnxType)Whole("to", 0) is OnnxType.Float or OnnxType.Double: break;
            case "Cast": throw Refusal(Invariant($"makes numbers of the type {Whole("to", 0)}, and layers take floats"));
            default:
                Add(Made(Elementwise) ?? throw Refusal("has no layer here"));
                break;
        }
    }

    private static int MostInputs(string op) => op switch
    {
        "BatchNormalization" => 5,
        "Gemm" or "Conv" or "LayerNormalization" or "Dropout" or "Clip" or "Pad" => 3,
        "MatMul" or "Sub" or "PRelu" or "Reshape" or "ReduceMean" or "Squeeze" => 2,
        "MaxPool" or "AveragePool" or "GlobalAveragePool" or "Flatten" or "Identity" or "Cast" or "Relu" or "Sigmoid" or "Tanh" or "Elu" or "Celu" or "Selu" or "LeakyRelu" or "Softplus" or "Softsign" or "HardSwish" or "HardSigmoid"
            or "Mish" or "Gelu" or "Softmax" or "LogSoftmax" => 1,
        _ => int.MaxValue,      // no operator that is known here, or one of a pattern
    };

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
            case "Selu": return (float)Number("alpha", 1.67326319217681884765625) == 1.67326324f && (float)Number("gamma", 1.05070102214813232421875) == 1.05070102f ? new SELU<T>() : throw Refusal("has another alpha or gamma than SELU");
            case "LeakyRelu": return new LeakyReLU<T>(Number("alpha", 0.01));
            case "Softplus": return new Softplus<T>();
            case "Softsign": return new Softsign<T>();
            case "HardSwish": return new Hardswish<T>();
            case "HardSigmoid":
                var (slope, at0) = (Number("alpha", 0.2), Number("beta", 0.5));
                return Math.Abs(slope - 1.0 / 6) < 1e-6 && at0 == 0.5 ? new Hardsigmoid<T>() : throw Refusal(Invariant($"has the alpha {slope} and the beta {at0}, and Hardsigmoid here has 1/6 and 0.5"));
            case "Mish": return new Mish<T>();
            case "Gelu": return new GELU<T>(Text("approximate", "none") switch { "none" => GELUApproximation.None, "tanh" => GELUApproximation.Tanh, var other => throw Refusal($"is approximated by {other}") });
            case "Dropout": return new Dropout<T>(Node.Inputs.Count > 1 && Node.Inputs[1].Length > 0 ? Single(1, "ratio") : Number("ratio", 0.5));
            case "PRelu": return PReLU();
            case "Clip": return Clip();
            case "Softmax":
                RequireLastAxis();
                return new Softmax<T>();
            case "LogSoftmax":
                RequireLastAxis();
                return new LogSoftmax<T>();
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

        bool IsNear(string input, double value) => _tensors.TryGetValue(input, out var tensor) && tensor.Count == 1 && Numbers.Of<double>(tensor) is [var number] && Math.Abs(number - value) < 1e-6;
    }

    private SiLU<T> SiLU()
    {
        _at++;
        return new();
    }

    private PReLU<T> PReLU()
    {
        if (_shape is { Length: > 1 } && TensorOf(Node, 1, "the slopes").Count != 1) throw Refusal("has slopes for each channel of an image, and PReLU here has them for columns");
        var slopes = Row(1, "the slopes");
        if (slopes.Length != 1)
        {
            RequireColumns(slopes.Length);
            _shape = [slopes.Length];
        }

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
        return least < most ? new Hardtanh<T>(least, most) : throw Refusal(Invariant($"has the bounds {least} and {most}, which leave nothing between them"));
    }

    private void RequireLastAxis()
    {
        var axis = Whole("axis", _model.Opset >= 13 ? -1 : 1);
        if (_shape is not (null or [_]) || axis is not (-1 or 1)) throw Refusal(Invariant($"is over the axis {axis} of what comes, and here it is over the columns of rows"));
    }

    // y = alpha x W + beta b
    private void TakeGemm()
    {
        if (Whole("transA", 0) != 0) throw Refusal("transposes what comes");
        AddLinear(1, Whole("transB", 0) != 0, Node.Inputs.Count > 2 && Node.Inputs[2].Length > 0 ? 2 : null, Node, Number("alpha", 1), Number("beta", 1));
    }

    private void TakeMatMul()
    {
        var product = Node;
        var isAdded = _at + 1 < _nodes.Count && _nodes[_at + 1] is { Op: "Add", Domain: "", Inputs.Count: 2 } sum && sum.Inputs.Contains(product.Outputs[0])
            && _tensors.TryGetValue(sum.Inputs.Find(input => input != product.Outputs[0]) ?? "", out var bias) && _tensors.TryGetValue(product.Inputs[^1], out var weight) && weight.Shape is [_, var columns] && (bias.Count == columns || bias.Count == 1);
        if (isAdded) _at++;
        AddLinear(1, false, isAdded ? Node.Inputs[0] == product.Outputs[0] ? 1 : 0 : null, product);
    }

    private void AddLinear(int weightAt, bool isTransposed, int? biasAt, Node product, double alpha = 1, double beta = 1)
    {
        if (product.Inputs[0] != _value || product.Inputs.Count < 2) throw Refusal("does not multiply what comes with a weight on its right");
        var weight = TensorOf(product, weightAt, "the weight");
        if (weight.Shape is not [> 0, > 0]) throw Refusal($"has a weight that is {weight.ShapeText}, and no matrix");
        var (rows, columns) = ((int)weight.Shape[0], (int)weight.Shape[1]);
        var (inFeatures, outFeatures) = isTransposed ? (columns, rows) : (rows, columns);
        RequireColumns(inFeatures);
        T[] values = NumbersOf(weight, "the weight"), biases = biasAt is int at ? Row(at, "the bias") : [];
        if (biasAt is not null && biases.Length != outFeatures && biases.Length != 1) throw Refusal(Invariant($"has a bias of {biases.Length} numbers for {outFeatures} columns"));
        var layer = new Linear<T>(inFeatures, outFeatures, bias: biasAt is not null, new Generator(0));
        for (var i = 0; i < outFeatures; i++)
            for (var j = 0; j < inFeatures; j++) layer.Weight.Value[i, j] = Times(isTransposed ? values[i * inFeatures + j] : values[j * outFeatures + i], alpha);
        for (var i = 0; i < layer.Bias?.Count; i++) layer.Bias.Values[i] = Times(biases[biases.Length == 1 ? 0 : i], beta);
        Add(layer, weight.Name);
        _shape = [outFeatures];

        static T Times(T value, double factor) => factor == 1 ? value : value * T.CreateSaturating(factor);
    }

    // (x - mean) / std
    private void TakeStandardize()
    {
        var shift = Node;
        if (shift.Inputs[0] != _value || _at + 1 >= _nodes.Count || _nodes[_at + 1] is not { Op: "Div" or "Mul", Domain: "", Inputs.Count: 2 } scale || scale.Inputs[0] != shift.Outputs[0] || !_tensors.ContainsKey(scale.Inputs[1]))
            throw Refusal("subtracts, and is not followed by a division, as a scaler is");
        var mean = Row(1, "the mean");
        _at++;
        AddStandardize(mean, Row(1, "the deviation"), isDivided: scale.Op == "Div");
    }

    private void TakeScaler()
    {
        if (Node.Inputs.Count != 1) throw Refusal(Invariant($"has {Node.Inputs.Count} inputs, and 1 at most are known here"));
        AddStandardize(Values("offset"), Values("scale"), isDivided: false);

        T[] Values(string name) => Array.ConvertAll(Setting<float[]>(name, "list of numbers") ?? [], T.CreateSaturating);
    }

    private void AddStandardize(T[] mean, T[] scale, bool isDivided)
    {
        var columns = Math.Max(mean.Length, scale.Length);
        if (columns == 1 && _shape is [> 1]) columns = _shape[0];
        if (columns == 0 || (mean.Length != columns && mean.Length != 1) || (scale.Length != columns && scale.Length != 1)) throw Refusal("has as many means as deviations, or one");
        RequireColumns(columns);
        Make(columns);
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
        var (weight, biases) = (TensorOf(Node, 1, "the weight"), Node.Inputs.Count > 2 && Node.Inputs[2].Length > 0 ? Vector(2, "the bias") : null);
        var values = NumbersOf(weight, "the weight");
        var group = (int)Math.Clamp(Whole("group", 1), 0, int.MaxValue);
        // As many numbers as a layer will have: else a file of few bytes could ask for any.
        if (_shape is not [> 0 and var channels, ..] || weight.Shape.Length != _shape.Length + 1 || weight.Shape[1] * group != channels || weight.Count == 0)
            throw Refusal($"has a weight that is {weight.ShapeText}, which does not fit what it is given");
        if (Wholes("kernel_shape") is { Length: > 0 } kernel && !kernel.SequenceEqual(weight.Shape.Skip(2))) throw Refusal($"has a weight that is {weight.ShapeText}, and a kernel_shape of {string.Join('x', kernel)}");
        MatrixParameter<T> weights;
        VectorParameter<T>? bias;
        if (weight.Shape is [var filters, _, var length])
        {
            Pixels();
            RequireKernel(length);
            var pads = Pads(1, [length]);
            if (pads[0] != pads[1]) throw Refusal("pads the two ends of a signal differently");
            var layer = Made(() => new Conv1d<T>(_shape[0], _shape[1], (int)filters, (int)length, Steps("strides", 1)[0], pads[0], Steps("dilations", 1)[0], group, biases is not null, generator: new Generator(0)));
            (weights, bias) = (layer.Weight, layer.Bias);
            Add(layer, weight.Name);
            _shape = [layer.OutChannels, layer.OutputLength];
        }
        else if (weight.Shape is [var images, _, var height, var width])
        {
            var image = Pixels();
            RequireKernel(height, width);
            var pads = Pads(2, [height, width]);
            var layer = Made(() => new Conv2d<T>(image, (int)images, new((int)height, (int)width), Size(Steps("strides", 2)), new Padding2d(pads[1], pads[3], pads[0], pads[2]), Size(Steps("dilations", 2)), group, biases is not null, generator: new Generator(0)));
            (weights, bias) = (layer.Weight, layer.Bias);
            Add(layer, weight.Name);
            SetPixels(layer.OutputShape);
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
        if (Number("momentum", 0.9) is not (>= 0 and <= 1)) throw Refusal(Invariant($"has the momentum {Number("momentum", 0.9)}, which is not from 0 to 1"));
        T[] weight = Vector(1, "the weight"), bias = Vector(2, "the bias"), mean = Vector(3, "the mean"), variance = Vector(4, "the variance");
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
        var (weight, bias) = (Row(1, "the weight"), Node.Inputs.Count > 2 && Node.Inputs[2].Length > 0 ? Row(2, "the bias") : null);
        if (Node.Inputs[0] != _value || _shape is not (null or [_]) || Whole("axis", -1) is not (-1 or 1)) throw Refusal("normalises other than the columns of a row");
        RequireColumns(weight.Length);
        if (bias is not null && bias.Length != weight.Length) throw Refusal("has weights of different lengths");
        var layer = Made(() => new LayerNorm<T>(weight.Length, Number("epsilon", 1e-5), bias: bias is not null));
        weight.CopyTo(layer.Weight!.Values);
        bias?.CopyTo(layer.Bias!.Values);
        Add(layer, TensorOf(Node, 1, "the weight").Name);
        _shape = [weight.Length];
    }

    // A signal is an image of one line.
    private void TakePool()
    {
        var image = Pixels();
        if (Node.Outputs.Count > 1 && Node.Outputs[1].Length > 0) throw Refusal("gives places beside values");
        if (Whole("storage_order", 0) != 0) throw Refusal("counts columns before rows");
        var (sides, kernel) = (_shape!.Length - 1, Wholes("kernel_shape"));
        if (kernel.Length != sides) throw Refusal(sides == 1 ? "has no window of one side, and is given signals" : "has no window of two sides");
        RequireKernel(kernel);
        var pads = Pads(sides, kernel);
        if (!pads.AsSpan(0, sides).SequenceEqual(pads.AsSpan(sides))) throw Refusal("pads two sides of an image differently");
        Size2d size = Size(Array.ConvertAll(kernel, side => (int)side)), stride = Size(Steps("strides", sides)), dilation = Size(Steps("dilations", sides)), padding = sides == 1 ? new(0, pads[0]) : new(pads[0], pads[1]);
        var ceil = Whole("ceil_mode", 0) != 0;
        // Which pixels each window has.
        Make(((image.Height + 2L * padding.Height) / stride.Height + 1) * size.Height + ((image.Width + 2L * padding.Width) / stride.Width + 1) * size.Width);
        if (Node.Op == "MaxPool")
        {
            var layer = Made(() => new MaxPool2d<T>(image, size, stride, padding, dilation, ceil));
            Add(layer);
            SetPixels(layer.OutputShape);
            return;
        }

        if (dilation != 1) throw Refusal("leaves pixels out between those that it averages");
        var mean = Made(() => new AvgPool2d<T>(image, size, stride, padding, ceil, Whole("count_include_pad", 0) != 0));
        Add(mean);
        SetPixels(mean.OutputShape);
    }

    private void TakeMean()
    {
        var image = Pixels();
        Make(image.Height + image.Width);
        Add(Made(() => new AdaptiveAvgPool2d<T>(image, 1)));
        if (Node.Op == "ReduceMean" && Whole("keepdims", 1) == 0) _shape = [image.Channels];
        else SetPixels(new(image.Channels, 1, 1));
    }

    private bool ReducesPixels() => _shape is { Length: 2 or 3 } && Axes() is { } axes && axes.Order().SequenceEqual(Enumerable.Range(2, _shape.Length - 1).Select(axis => (long)axis));

    /// <summary>The axes of what comes that a node names, from the first on; null where it names none.</summary>
    private long[]? Axes()
    {
        var axes = Node.Inputs.Count > 1 && Node.Inputs[1].Length > 0 ? Numbers.Integers(TensorOf(Node, 1, "the axes")) : Setting<long[]>("axes", "list of whole numbers");
        return axes is null ? null : Array.ConvertAll(axes, axis => axis < 0 && _shape is not null ? axis + _shape.Length + 1 : axis);
    }

    // PyTorch writes one before each mean over windows, of nothing where there is no padding.
    private void TakePad()
    {
        if (Text("mode", "constant") is not "constant" and var mode) throw Refusal($"pads by {mode}");
        var sizes = Numbers.Integers(TensorOf(Node, 1, "the padding")) ?? [];
        if (Array.TrueForAll(sizes, size => size == 0)) return;
        var image = Pixels();
        var (axes, sides) = (_shape!.Length + 1, _shape.Length - 1);
        if (sizes.Length != 2 * axes) throw Refusal(Invariant($"pads {sizes.Length / 2} axes of {axes}"));
        if (Node.Inputs.Count > 2 && Node.Inputs[2].Length > 0 && !(TensorOf(Node, 2, "what it pads with") is { Count: 1 } with && Numbers.Of<T>(with) is [var value] && value == T.Zero)) throw Refusal("pads with another number than 0");
        if (sizes[0] != 0 || sizes[1] != 0 || sizes[axes] != 0 || sizes[axes + 1] != 0) throw Refusal("pads samples or channels");
        if (Array.Exists(sizes, size => size is < 0 or > MostOfAxis)) throw Refusal("cuts off, or pads with more than can be");
        var layer = Made(() => new ZeroPad2d<T>(image, sides == 1 ? new Padding2d(Before(0), After(0), 0, 0) : new Padding2d(Before(1), After(1), Before(0), After(0))));
        Add(layer);
        SetPixels(layer.OutputShape);

        int Before(int side) => (int)sizes[2 + side];

        int After(int side) => (int)sizes[axes + 2 + side];
    }

    private void TakeReshape()
    {
        var to = Node.Inputs.Count > 1 && _sizes.TryGetValue(Node.Inputs[1], out var sizes) ? Array.ConvertAll(sizes, SizeOf) : Numbers.Integers(TensorOf(Node, 1, "the shape"));
        if (to is not { Length: >= 2 and <= 4 }) throw Refusal("makes of a sample what is neither a row nor an image of as many numbers");
        if (to.Count(size => size == -1) > 1 || Array.Exists(to, size => size < -1 && size != Samples) || Array.IndexOf(to, Samples) > 0 || (Whole("allowzero", 0) != 0 && to.Contains(0)))
            throw Refusal($"has a shape that is none: {string.Join('x', to.Select(size => size == Samples ? "samples" : Invariant($"{size}")))}");
        // Elsewhere 0 is what the axis was.
        for (var i = 1; i < to.Length; i++)
            if (to[i] == 0) to[i] = i <= _shape?.Length && _shape[i - 1] > 0 ? _shape[i - 1] : throw Refusal("keeps an axis whose size the file does not say");
        if (to[0] == 0 || to[0] == _rows) to[0] = Samples;
        var (columns, open) = (Columns(), Array.IndexOf(to, -1, 1));
        if (to[0] > 1 || (to[0] == 1 && open > 0)) throw Refusal("fixes the number of rows");
        var numbers = to.Skip(1).Where(size => size > 0).Aggregate(1.0, (product, size) => product * size);
        if (open > 0 && columns < 0 && to.Length == 2)
        {
            _shape = null;      // a row, as long as it is
            return;
        }

        if (open > 0) to[open] = columns > 0 && columns % numbers == 0 ? (long)(columns / numbers) : throw Refusal("makes of a sample what is neither a row nor an image of as many numbers");
        else if (columns > 0 && columns != numbers) throw Refusal(to.Length == 2 ? Invariant($"makes rows of {to[1]} columns of samples of {columns} numbers") : "makes of a sample what is neither a row nor an image of as many numbers");
        if (numbers > int.MaxValue || (to.Length > 2 && to.Skip(1).Any(size => size > MostOfAxis))) throw Refusal("makes samples that are larger than can be");
        _shape = [.. to.Skip(1).Select(size => (int)size)];

        long SizeOf(Extent size) => size.Of is null ? size.Number
            : !_shapes.TryGetValue(size.Of, out var shape) ? throw Refusal($"takes a size of \"{size.Of}\", which is not before it")
            : size.Number == 0 ? Samples
            : size.Number <= shape?.Length && shape[size.Number - 1] is > 0 and var known ? known : throw Refusal("takes a size that the file does not say");
    }

    private void Flatten()
    {
        var axis = Whole("axis", 1);
        if (axis != 1 && axis + _shape?.Length != 0) throw Refusal("flattens other than all axes of a sample");
        _shape = Columns() is > 0 and var columns ? [columns] : null;
    }

    private void TakeSqueeze()
    {
        var axes = Axes();
        int[] left = [.. (_shape ?? []).Where((size, i) => axes is null ? size != 1 : !axes.Contains(i + 1))];
        // Without axes it leaves out the first as well, where one sample comes.
        if (_shape is null || left.Length == 0 || _shape.Contains(-1) || left.Length == _shape.Length || (axes is null ? _rows == 1 : !axes.All(axis => axis >= 1 && axis <= _shape.Length && _shape[axis - 1] == 1)))
            throw Refusal("leaves out axes other than those of an image of one pixel");
        _shape = left;
    }

    /// <summary>The numbers of a sample; -1 where they are not known.</summary>
    private int Columns() => _shape is null || _shape.Contains(-1) ? -1 : _shape.Aggregate(1.0, (product, size) => product * size) is <= int.MaxValue and var all ? (int)all : throw Refusal("is given samples that are larger than can be");

    // A file may claim any size.
    private ImageShape? Image() => _shape is not [> 0 and var channels, > 0 and var height, > 0 and var width] ? null
        : channels <= MostPixels && height <= MostPixels && width <= MostPixels ? new(channels, height, width) : throw Refusal(Invariant($"is given images of {channels}x{height}x{width}, which are larger than any"));

    // An image of one line.
    private ImageShape? Signal() => _shape is not [> 0 and var channels, > 0 and var length] ? null
        : channels <= MostPixels && length <= MostOfAxis ? new(channels, 1, length) : throw Refusal(Invariant($"is given signals of {channels}x{length}, which are larger than any"));

    private ImageShape Pixels() => Image() ?? Signal() ?? throw Refusal(_shape switch
    {
        [_] => "is given rows, and no images",
        [_, _] => "is given signals whose length the file does not say",
        { Length: > 3 } => "is given what has more axes than an image",
        _ => "is given images whose size the file does not say; inputShape does",
    });

    // What was a signal stays one.
    private void SetPixels(ImageShape image) => _shape = _shape is [_, _] ? [image.Channels, image.Width] : [image.Channels, image.Height, image.Width];

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

    /// <summary>Counts numbers before they are made: a file of few bytes could ask for any, by a size that it only claims, or by a weight that many nodes take.</summary>
    private void Make(long numbers)
    {
        var most = MostNumbers + MostNumbersPerByte * _bytes;
        _made += numbers;
        if (_made > most) throw Refusal(Invariant($"asks for {_made} numbers together with what is before it, and a file of {_bytes} bytes gets {most} at most"));
    }

    private TLayer Made<TLayer>(Func<TLayer> make)
    {
        try
        {
            return make();
        }
        catch (ArgumentException refused)
        {
            // Which of the constructor's parameters it was is nothing to who has a file.
            throw Refusal($"has no layer here: {refused.Message.Split(" (Parameter '")[0].TrimEnd('.')}");
        }
    }

    private int[] Pads(int sides, long[] kernel)
    {
        var auto = Text("auto_pad", "NOTSET");
        if (auto is "VALID") return new int[2 * sides];
        if (auto is "SAME_UPPER" or "SAME_LOWER" && Array.TrueForAll(Steps("strides", sides), stride => stride == 1))
        {
            var reach = kernel.Zip(Steps("dilations", sides), (size, dilation) => Math.Min((size - 1) * dilation, MostOfAxis)).ToArray();
            return [.. reach.Select(size => (int)(auto == "SAME_UPPER" ? size / 2 : (size + 1) / 2)), .. reach.Select(size => (int)(auto == "SAME_UPPER" ? (size + 1) / 2 : size / 2))];
        }

        if (auto is not "NOTSET") throw Refusal($"has auto_pad {auto} with strides");
        var pads = Wholes("pads", new long[2 * sides]);
        if (pads.Length != 2 * sides || Array.Exists(pads, pad => pad is < 0 or > MostOfAxis)) throw Refusal("has pads that are none");
        return Array.ConvertAll(pads, pad => (int)pad);
    }

    /// <summary>Strides or dilations along each side of an image.</summary>
    private int[] Steps(string name, int sides)
    {
        var steps = Wholes(name, [.. Enumerable.Repeat(1L, sides)]);
        if (steps.Length != sides || Array.Exists(steps, step => step is < 1 or > MostOfAxis)) throw Refusal($"has {name} that are none");
        return Array.ConvertAll(steps, step => (int)step);
    }

    private static Size2d Size(int[] sides) => sides is [var height, var width] ? new(height, width) : new(1, sides[0]);

    /// <summary>A setting as what it must be; null where the node has none of that name.</summary>
    private TValue? Setting<TValue>(string name, string kind) where TValue : class => Node.Attributes.Find(setting => setting.Name == name)?.Value switch
    {
        null => null,
        TValue value => value,
        _ => throw Refusal($"has a setting {name} that is no {kind}"),
    };

    // A float as it was written: 1e-5, and not the double next to the float next to it.
    private double Number(string name, double otherwise) => Setting<object>(name, "number") switch
    {
        null => otherwise,
        float value => double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
        _ => throw Refusal($"has a setting {name} that is no number"),
    };

    private long Whole(string name, long otherwise) => Setting<object>(name, "whole number") switch { null => otherwise, long value => value, _ => throw Refusal($"has a setting {name} that is no whole number") };

    private long[] Wholes(string name, params long[] otherwise) => Setting<long[]>(name, "list of whole numbers") ?? otherwise;

    private string Text(string name, string otherwise) => Setting<string>(name, "text") ?? otherwise;

    private Tensor TensorOf(Node node, int input, string what) => input < node.Inputs.Count && _tensors.TryGetValue(node.Inputs[input], out var tensor) ? tensor : throw Refusal($"lacks {what}, or computes it");

    private T[] NumbersOf(Tensor tensor, string what)
    {
        Make(tensor.Count);
        return Numbers.Of<T>(tensor) ?? throw Refusal($"has whole numbers for {what}");
    }

    /// <summary>One number, or one for each column: of the shape n or 1xn. Others are spread otherwise: nx1 has a number for each sample, and another axis makes one of what comes.</summary>
    private T[] Row(int input, string what)
    {
        var tensor = TensorOf(Node, input, what);
        return tensor.Shape.Length <= (_shape?.Length ?? 1) + 1 && tensor.Shape.SkipLast(1).All(size => size == 1) ? NumbersOf(tensor, what) : throw Refusal($"has {tensor.ShapeText} numbers for {what}, which are no row");
    }

    private T[] Vector(int input, string what)
    {
        var tensor = TensorOf(Node, input, what);
        return tensor.Shape.Length == 1 ? NumbersOf(tensor, what) : throw Refusal($"has {tensor.ShapeText} numbers for {what}, which are no row");
    }

    private double Single(int input, string what) => TensorOf(Node, input, what) is { Count: 1 } tensor && NumbersOf(tensor, what) is [var value] ? double.CreateChecked(value) : throw Refusal($"has several numbers for {what}");

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

    /// <summary>A size that nodes take from a shape, or write into one.</summary>
    /// <param name="Of">Of what value; null for a number of the file.</param>
    /// <param name="Number">Which axis of that value; or the number.</param>
    private readonly record struct Extent(string? Of, long Number);

    private NotSupportedException Refusal(string why) => new($"The ONNX file cannot be imported: its node {Node} {why}.");
}
