using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Backprop.Onnx;

/// <summary>Reads a file, whoever wrote it. Whatever its bytes are, it ends with a model that fits together or with one exception, and takes memory in proportion to the file.</summary>
internal static class Reader
{
    private const int MostLevels = 16, MostAxes = 16;

    /// <summary>The model in these bytes, checked by <see cref="Check"/>.</summary>
    /// <exception cref="InvalidDataException">They are no ONNX file, or a damaged one.</exception>
    /// <exception cref="NotSupportedException">The file has what is not read here: external data, operators of an unknown version.</exception>
    public static Model Read(ReadOnlySpan<byte> bytes)
    {
        var fields = new Fields(bytes, "the model");
        var (format, producer, version) = (0L, "", "");
        Graph? graph = null;
        var opsets = new List<(string Domain, long Version)>();
        var metadata = new List<KeyValuePair<string, string>>();
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1: format = fields.Integer(); break;
                case 2: producer = fields.Text(); break;
                case 3: version = fields.Text(); break;
                case 7: graph = graph is null ? GraphOf(fields.Bytes(), 1) : throw Bad("has two graphs"); break;
                case 8: opsets.Add(OpsetOf(fields.Bytes())); break;
                case 14: metadata.Add(EntryOf(fields.Bytes())); break;
                default: fields.Skip(); break;
            }
        }

        if (graph is null) throw Bad("has no graph");
        if (format is < 3 or > 99) throw Bad(string.Create(CultureInfo.InvariantCulture, $"has the format {format}"));
        var own = opsets.Where(opset => opset.Domain is "" or "ai.onnx").Select(opset => opset.Version).ToList();
        if (own.Count != 1) throw Bad("does not say, once, of which version its operators are");
        if (own[0] is < OnnxOpset.OldestRead or > OnnxOpset.Newest)
            throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture, $"The operators of this ONNX file are of version {own[0]}, but those from {OnnxOpset.OldestRead} to {OnnxOpset.Newest} are known here."));
        var model = new Model(graph) { Format = (int)format, Opset = (int)own[0], Producer = producer, ProducerVersion = version };
        model.Metadata.AddRange(metadata);
        Check.Of(model);
        return model;
    }

    private static Graph GraphOf(ReadOnlySpan<byte> bytes, int level)
    {
        if (level > MostLevels) throw Bad(string.Create(CultureInfo.InvariantCulture, $"holds more than {MostLevels} graphs within each other"));
        var fields = new Fields(bytes, "a graph");
        var graph = new Graph("");
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1: graph.Nodes.Add(NodeOf(fields.Bytes(), level)); break;
                case 2: graph.Name = fields.Text(); break;
                case 5: graph.Tensors.Add(TensorOf(fields.Bytes())); break;
                case 11: graph.Inputs.Add(PortOf(fields.Bytes())); break;
                case 12: graph.Outputs.Add(PortOf(fields.Bytes())); break;
                case 15: throw new NotSupportedException("This ONNX file has sparse tensors, which are not read here.");
                default: fields.Skip(); break;
            }
        }

        return graph;
    }

    private static Node NodeOf(ReadOnlySpan<byte> bytes, int level)
    {
        var fields = new Fields(bytes, "a node");
        var (op, name, domain) = ("", "", "");
        List<string> inputs = [], outputs = [];
        var attributes = new List<OnnxSetting>();
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1: inputs.Add(fields.Text()); break;
                case 2: outputs.Add(fields.Text()); break;
                case 3: name = fields.Text(); break;
                case 4: op = fields.Text(); break;
                case 5: attributes.Add(AttributeOf(fields.Bytes(), level)); break;
                case 7: domain = fields.Text(); break;
                default: fields.Skip(); break;
            }
        }

        if (op.Length == 0) throw Bad("has a node without an operator");
        if (attributes.Count > 1 && attributes.GroupBy(attribute => attribute.Name).FirstOrDefault(group => group.Skip(1).Any()) is { } twice) throw Bad($"has two attributes \"{twice.Key}\" in a node");
        var node = new Node(op, name, domain == "ai.onnx" ? "" : domain);
        node.Inputs.AddRange(inputs);
        node.Outputs.AddRange(outputs);
        node.Attributes.AddRange(attributes);
        return node;
    }

    // An attribute of a type that is not read is there, without its value; who needs it refuses it by name.
    private static OnnxSetting AttributeOf(ReadOnlySpan<byte> bytes, int level)
    {
        var fields = new Fields(bytes, "an attribute");
        var (name, number, whole, text, type) = ("", 0f, 0L, "", 0L);
        Tensor? tensor = null;
        Graph? graph = null;
        List<long> integers = [];
        List<byte> floats = [];
        List<string> texts = [];
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1: name = fields.Text(); break;
                case 2: number = fields.Single(); break;
                case 3: whole = fields.Integer(); break;
                case 4: text = fields.Text(); break;
                case 5: tensor = TensorOf(fields.Bytes()); break;
                case 6: graph = GraphOf(fields.Bytes(), level + 1); break;
                case 7: fields.Fixed(sizeof(float), floats); break;
                case 8: fields.Integers(integers); break;
                case 9: texts.Add(fields.Text()); break;
                case 20: type = fields.Integer(); break;
                default: fields.Skip(); break;
            }
        }

        if (name.Length == 0) throw Bad("has an attribute without a name");
        object value = type switch
        {
            1 => number,
            2 => whole,
            3 => text,
            4 => tensor ?? throw Bad($"has an attribute \"{name}\" without its tensor"),
            5 => graph ?? throw Bad($"has an attribute \"{name}\" without its graph"),
            6 => MemoryMarshal.Cast<byte, float>(CollectionsMarshal.AsSpan(floats)).ToArray(),
            7 => integers.ToArray(),
            8 => texts.ToArray(),
            _ => OnnxSetting.Unread,
        };
        return new(name, value);
    }

    private static Tensor TensorOf(ReadOnlySpan<byte> bytes)
    {
        var fields = new Fields(bytes, "a tensor");
        var (name, type, location, isExternal) = ("", 0L, 0L, false);
        byte[]? raw = null;
        List<long> shape = [], integers = [];
        List<byte> floats = [], doubles = [];
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1: fields.Integers(shape); break;
                case 2: type = fields.Integer(); break;
                case 4: fields.Fixed(sizeof(float), floats); break;
                case 5 or 7: fields.Integers(integers); break;
                case 8: name = fields.Text(); break;
                case 9: raw = fields.Bytes().ToArray(); break;
                case 10: fields.Fixed(sizeof(double), doubles); break;
                case 13:
                    isExternal = true;
                    fields.Skip();
                    break;
                case 14: location = fields.Integer(); break;
                default: fields.Skip(); break;
            }
        }

        if (isExternal || location != 0) throw new NotSupportedException($"The tensor \"{name}\" of this ONNX file has its numbers in another file, which is not read here: save the model with all data in one file.");
        var size = Tensor.SizeOf((OnnxType)type);
        if (size == 0) throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture, $"The tensor \"{name}\" of this ONNX file has numbers of the type {type}, which are not read here."));
        if (shape.Count > MostAxes) throw Bad($"has a tensor \"{name}\" with more than {MostAxes} axes");
        var count = 1L;
        foreach (var axis in shape)
        {
            if (axis < 0 || axis > Array.MaxLength || (count *= axis) > Array.MaxLength) throw Bad($"has a tensor \"{name}\" that is larger than can be");
        }

        raw ??= (OnnxType)type switch { OnnxType.Float => [.. floats], OnnxType.Double => [.. doubles], _ => Packed(integers, size) };
        if (raw.LongLength != count * size) throw Bad(string.Create(CultureInfo.InvariantCulture, $"has {raw.Length} bytes for the tensor \"{name}\", which takes {count * size}"));
        return new(name, (OnnxType)type, [.. shape], raw);
    }

    private static byte[] Packed(List<long> integers, int size)
    {
        var bytes = new byte[integers.Count * size];
        Span<byte> number = stackalloc byte[sizeof(long)];
        for (var i = 0; i < integers.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, integers[i]);
            number[..size].CopyTo(bytes.AsSpan(i * size));
        }

        return bytes;
    }

    private static Port PortOf(ReadOnlySpan<byte> bytes)
    {
        var fields = new Fields(bytes, "an input or output");
        var (name, type) = ("", 0L);
        string[]? shape = null;
        while (fields.Next())
        {
            if (fields.Number == 1) name = fields.Text();
            else if (fields.Number == 2)
            {
                var kinds = new Fields(fields.Bytes(), "a type");
                while (kinds.Next())
                {
                    if (kinds.Number == 1) (type, shape) = TypeOf(kinds.Bytes());
                    else kinds.Skip();
                }
            }
            else fields.Skip();
        }

        return new(name, (OnnxType)type, shape);
    }

    private static (long Type, string[]? Shape) TypeOf(ReadOnlySpan<byte> bytes)
    {
        var fields = new Fields(bytes, "a type");
        var type = 0L;
        List<string>? shape = null;
        while (fields.Next())
        {
            if (fields.Number == 1) type = fields.Integer();
            else if (fields.Number == 2)
            {
                shape = [];
                var axes = new Fields(fields.Bytes(), "a shape");
                while (axes.Next())
                {
                    if (axes.Number == 1) shape.Add(SizeOf(axes.Bytes()));
                    else axes.Skip();
                }

                if (shape.Count > MostAxes) throw Bad($"has a shape of more than {MostAxes} axes");
            }
            else fields.Skip();
        }

        return (type, shape?.ToArray());
    }

    private static string SizeOf(ReadOnlySpan<byte> bytes)
    {
        var fields = new Fields(bytes, "a shape");
        var size = "";
        while (fields.Next())
        {
            if (fields.Number == 1) size = fields.Integer().ToString(CultureInfo.InvariantCulture);
            else if (fields.Number == 2) size = fields.Text();
            else fields.Skip();
        }

        return size;
    }

    private static (string Domain, long Version) OpsetOf(ReadOnlySpan<byte> bytes)
    {
        var fields = new Fields(bytes, "an operator set");
        var (domain, version) = ("", 0L);
        while (fields.Next())
        {
            if (fields.Number == 1) domain = fields.Text();
            else if (fields.Number == 2) version = fields.Integer();
            else fields.Skip();
        }

        return (domain, version);
    }

    private static KeyValuePair<string, string> EntryOf(ReadOnlySpan<byte> bytes)
    {
        var fields = new Fields(bytes, "the metadata");
        var (key, value) = ("", "");
        while (fields.Next())
        {
            if (fields.Number == 1) key = fields.Text();
            else if (fields.Number == 2) value = fields.Text();
            else fields.Skip();
        }

        return new(key, value);
    }

    internal static InvalidDataException Bad(string what) => new($"This is no ONNX file, or a damaged one: it {what}.");
}
