using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Backprop.Onnx;

/// <summary>The ONNX graph of a network that is being exported: where <see cref="LayerExporter{T}"/>s put their nodes.</summary>
/// <remarks>
/// <para>Tensors are in the network's type, <see cref="float"/> or <see cref="double"/>. What ONNX keeps as an attribute is a float in either; in double, say it as a <see cref="Constant(double)"/>. Serving
/// programs lack some operators in double: <see cref="IsDouble"/> tells, so that others can stand in their place.</para>
/// <para>A matrix is row-major here, as in ONNX; in memory, MathNet's are column-major. <see cref="Tensor(Parameter{T})"/> converts.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class OnnxGraph<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Whether a layer changes the number of rows is asked with one that most numbers of steps divide.
    private const int SomeRows = 720720;

    private readonly Graph _graph;
    private readonly LayerExporter<T>[] _exporters;
    private readonly Dictionary<object, string> _names = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, OnnxValue> _constants = new(StringComparer.Ordinal);
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private readonly List<string> _path = [];
    private long _bytes;

    internal OnnxGraph(Layer<T> model, OnnxOptions<T> options)
    {
        (_graph, _exporters, Opset) = (new(options.GraphName), [.. options.Exporters, .. Onnx.Exporters.Default<T>()], options.Opset);
        // The first of its names, where it stands in several places; and no other's, where a layer's own names have dots.
        foreach (var (name, parameter) in model.NamedParameters())
            if (!_names.ContainsKey(parameter)) _names.Add(parameter, NewName(name));
        foreach (var (name, buffer) in model.NamedBuffers())
            if (!_names.ContainsKey(buffer)) _names.Add(buffer, NewName(name));
        foreach (var name in (string[])[options.InputName, options.OutputName])
            if (!_taken.Add(name)) throw new ArgumentException($"The name \"{name}\" is taken; choose another InputName or OutputName.", nameof(options));
    }

    /// <summary>The version of the operators.</summary>
    public int Opset { get; }

    /// <summary>Whether tensors are doubles.</summary>
    public bool IsDouble => typeof(T) == typeof(double);

    internal Graph Graph => _graph;

    /// <summary>Whether all layers so far give as many rows as they get.</summary>
    internal bool KeepsRows { get; private set; } = true;

    internal static OnnxType Type => typeof(T) == typeof(double) ? OnnxType.Double : OnnxType.Float;

    private string Path => string.Concat(_path.Select(name => $"/{name}"));

    /// <summary>Adds a node with one output.</summary>
    /// <param name="op">The operator, as ONNX calls it: <see href="https://onnx.ai/onnx/operators/">the list</see>.</param>
    /// <param name="inputs">Its inputs, in order.</param>
    public OnnxValue Node(string op, params ReadOnlySpan<OnnxValue> inputs) => Node(op, inputs, []);

    /// <summary>Adds a node with one output, and settings.</summary>
    /// <param name="op">The operator, as ONNX calls it.</param>
    /// <param name="inputs">Its inputs, in order.</param>
    /// <param name="settings">Its settings, which ONNX calls attributes.</param>
    public OnnxValue Node(string op, ReadOnlySpan<OnnxValue> inputs, params ReadOnlySpan<OnnxSetting> settings) => NodeWithOutputs(op, 1, inputs, settings)[0];

    /// <summary>Adds a node with several outputs.</summary>
    /// <param name="op">The operator, as ONNX calls it.</param>
    /// <param name="outputs">How many outputs it has.</param>
    /// <param name="inputs">Its inputs, in order.</param>
    /// <param name="settings">Its settings, which ONNX calls attributes.</param>
    public IReadOnlyList<OnnxValue> NodeWithOutputs(string op, int outputs, ReadOnlySpan<OnnxValue> inputs, params ReadOnlySpan<OnnxSetting> settings)
    {
        ArgumentException.ThrowIfNullOrEmpty(op);
        var node = new Node(op, NewName($"{Path}/{op}"));
        foreach (var input in inputs) node.Inputs.Add(input.Name ?? throw new ArgumentException($"{op} is given default(OnnxValue), which is no value; an input that it does without is OnnxValue.None.", nameof(inputs)));
        for (var i = 0; i < outputs; i++) node.Outputs.Add(NewName(string.Create(CultureInfo.InvariantCulture, $"{node.Name}_output_{i}")));
        foreach (var setting in settings) node.Attributes.Add(setting);
        _graph.Nodes.Add(node);
        return [.. node.Outputs.Select(name => new OnnxValue(name))];
    }

    /// <summary>A parameter of the network, with the name and shape that it has in files.</summary>
    /// <param name="parameter">The parameter; registered in the network.</param>
    /// <exception cref="ArgumentException">It is not registered in the network.</exception>
    public OnnxValue Tensor(Parameter<T> parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return Tensor(parameter, parameter.Shape, parameter.Values, parameter is MatrixParameter<T> matrix ? matrix.Value.RowCount : 1);
    }

    /// <summary>A buffer of the network, with the name and shape that it has in files.</summary>
    /// <param name="buffer">The buffer; registered in the network, and no counter.</param>
    /// <exception cref="ArgumentException">It is not registered in the network.</exception>
    public OnnxValue Tensor(Buffer<T> buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        return Tensor(buffer, buffer.Shape, buffer.Values, buffer is MatrixBuffer<T> matrix ? matrix.Value.RowCount : 1);
    }

    /// <summary>A number, in the network's type.</summary>
    /// <param name="value">The number.</param>
    public OnnxValue Constant(double value) => Constant([T.CreateSaturating(value)]);

    /// <summary>Numbers.</summary>
    /// <param name="values">The numbers, row after row.</param>
    /// <param name="shape">Sizes along each axis; none for a single number.</param>
    /// <exception cref="ArgumentException">There are more or fewer numbers than the shape has.</exception>
    public OnnxValue Constant(ReadOnlySpan<T> values, params ReadOnlySpan<int> shape)
    {
        RequireRoom("/Constant", values.Length);
        var bytes = LittleEndian(values);
        long[] sizes = [.. Longs(shape)];
        if (sizes.Aggregate(1L, (count, size) => count * size) != values.Length) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"A constant of shape {string.Join('x', sizes)} does not have {values.Length} numbers."), nameof(values));
        return Constant(Type, sizes, bytes);
    }

    /// <summary>Whole numbers in a row, as ONNX wants shapes and axes.</summary>
    /// <param name="values">The numbers.</param>
    public OnnxValue Integers(params ReadOnlySpan<long> values) => Constant(OnnxType.Int64, [values.Length], LittleEndian(values));

    /// <summary>Whole numbers in rows.</summary>
    internal OnnxValue Integers(ReadOnlySpan<long> values, long rows, long columns) => Constant(OnnxType.Int64, [rows, columns], LittleEndian(values));

    /// <summary>A single whole number.</summary>
    internal OnnxValue Place(long value) => Constant(OnnxType.Int64, [], LittleEndian<long>([value]));

    /// <summary>The same numbers in another shape.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="shape">Sizes along each axis; -1 in one place for what remains.</param>
    public OnnxValue Reshape(OnnxValue x, params ReadOnlySpan<long> shape) => Node("Reshape", x, Integers(shape));

    /// <summary>Adds a layer that stands within the one that is being exported.</summary>
    /// <param name="child">The layer and its name, one of <see cref="Layer{T}.Children"/>.</param>
    /// <param name="x">What it is given, a matrix.</param>
    /// <returns>What it gives, a matrix.</returns>
    /// <exception cref="NotSupportedException">There is no exporter for it.</exception>
    public OnnxValue Export(NamedLayer<T> child, OnnxValue x)
    {
        ArgumentNullException.ThrowIfNull(child);
        RuntimeHelpers.EnsureSufficientExecutionStack();
        _path.Add(child.Name);
        var y = Export(child.Layer, x);
        _path.RemoveAt(_path.Count - 1);
        return y;
    }

    internal OnnxValue Export(Layer<T> layer, OnnxValue x)
    {
        var exporter = _exporters.FirstOrDefault(candidate => candidate.Exports(layer))
            ?? throw Refusal(layer, $"no exporter writes a {layer.GetType().Name.Split('`')[0]}. Give one in OnnxOptions.Exporters");
        var columns = layer.OutputColumns(x.Columns);
        if (layer.Children.Count == 0) KeepsRows &= IsRows(layer);
        var y = exporter.Export(this, layer, x);
        if (string.IsNullOrEmpty(y.Name)) throw new InvalidOperationException($"What the exporter of {layer} gives is no value.");
        return y with { Columns = columns };
    }

    /// <summary>What to throw where a layer cannot be written.</summary>
    internal NotSupportedException Refusal(Layer<T> layer, string why) => new($"{(_path.Count == 0 ? "" : $"{string.Join('.', _path)}: ")}{layer} cannot be exported to ONNX: {why}.");

    /// <summary>Adds nodes to a graph of their own, which a node runs.</summary>
    internal Graph Body(Action<Graph> write)
    {
        var (outer, body) = (_graph.Nodes, new Graph(NewName($"{Path}/body")));
        _graph.Nodes = body.Nodes;
        write(body);
        _graph.Nodes = outer;
        return body;
    }

    /// <summary>A name that nothing has yet.</summary>
    internal string NewName(string name)
    {
        var free = name;
        for (var i = 1; !_taken.Add(free); i++) free = string.Create(CultureInfo.InvariantCulture, $"{name}_{i}");
        return free;
    }

    private OnnxValue Tensor(object owner, IReadOnlyList<int> shape, ReadOnlySpan<T> values, int rows)
    {
        if (!_names.TryGetValue(owner, out var name)) throw new ArgumentException($"{owner} is not registered in the network that is exported.", nameof(owner));
        if (_constants.TryGetValue($"tensor {name}", out var known)) return known;
        RequireRoom(name, values.Length);
        _bytes += (long)values.Length * Unsafe.SizeOf<T>();
        // A matrix lies column after column in memory, and row after row in the file.
        var (rowMajor, columns) = (rows == 1 ? values.ToArray() : new T[values.Length], values.Length / rows);
        if (rows > 1)
            for (var i = 0; i < rows; i++)
                for (var j = 0; j < columns; j++) rowMajor[i * columns + j] = values[i + j * rows];
        _graph.Tensors.Add(new(name, Type, [.. shape.Select(size => (long)size)], LittleEndian<T>(rowMajor)));
        return _constants[$"tensor {name}"] = new(name);
    }

    private OnnxValue Constant(OnnxType type, long[] shape, byte[] bytes)
    {
        // Many are the same: axes, one half, shapes, the angles of all attention layers.
        var key = $"constant {type} {string.Join('x', shape)} {Convert.ToHexString(SHA256.HashData(bytes))}";
        if (_constants.TryGetValue(key, out var known)) return known;
        var name = NewName("/Constant");
        _graph.Tensors.Add(new(name, type, shape, bytes));
        return _constants[key] = new(name);
    }

    private static bool IsRows(Layer<T> layer)
    {
        try
        {
            return layer.OutputRows(SomeRows) == SomeRows;
        }
        catch (Exception refused) when (refused is ArgumentException or OverflowException)
        {
            return false;       // of these it takes none, or makes too many: it has steps
        }
    }

    /// <summary>Asks whether so many numbers still fit into the file, before they are copied.</summary>
    /// <exception cref="NotSupportedException">It is more than a file holds.</exception>
    internal void RequireRoom(string name, long numbers)
    {
        var bytes = _bytes + numbers * Unsafe.SizeOf<T>();
        if (bytes >= Writer.MostBytes) throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture, $"An ONNX file holds less than 2 GB, but this network would take {bytes} bytes for its numbers up to \"{name}\"."));
    }

    private static long[] Longs(ReadOnlySpan<int> sizes) => Array.ConvertAll(sizes.ToArray(), size => (long)size);

    private static byte[] LittleEndian<TNumber>(ReadOnlySpan<TNumber> values) where TNumber : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values).ToArray();
        if (!BitConverter.IsLittleEndian)
            for (var (at, size) = (0, Unsafe.SizeOf<TNumber>()); at < bytes.Length; at += size) bytes.AsSpan(at, size).Reverse();
        return bytes;
    }
}
