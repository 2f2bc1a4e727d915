using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Backprop;

/// <summary>
/// Reads the header of a safetensors file, and believes none of it: what comes out describes the file's data completely,
/// each byte once. Time and memory grow with the bytes there are, not with what they claim.
/// </summary>
/// <remarks>
/// Stricter than JSON, as the format's description asks: no key twice, no unknown key, integers without sign, fraction or exponent.
/// Stricter than the description in two points: a tensor has at most <see cref="MaxRank"/> dimensions, so that a short header cannot ask for
/// much memory; names hold no null character, which the reference implementation refuses as well.
/// </remarks>
internal ref struct SafeTensorsHeader
{
    internal const int MaxLength = 100_000_000;
    internal const int MaxRank = 64;
    internal const string MetadataKey = "__metadata__";

    private const int Depth = 3;                            // { name: { shape: [

    private readonly string _source;
    private Utf8JsonReader _json;

    private SafeTensorsHeader(ReadOnlySpan<byte> header, string source)
    {
        _source = source;
        _json = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = Depth });
    }

    /// <summary>Parses and checks a header.</summary>
    /// <param name="header">The JSON with its padding; starts with '{'.</param>
    /// <param name="dataLength">How many bytes follow it in the file.</param>
    /// <param name="source">The file, for messages.</param>
    /// <param name="metadata">Receives the free-form part.</param>
    /// <param name="entries">Receives the tensors in the order of their data.</param>
    /// <returns>The tensors by name.</returns>
    /// <exception cref="InvalidDataException">The header breaks a rule.</exception>
    internal static Dictionary<string, SafeTensorsEntry> Parse(
        ReadOnlySpan<byte> header, long dataLength, string source, out Dictionary<string, string> metadata, out SafeTensorsEntry[] entries)
    {
        if (!Utf8.IsValid(header))
            throw Invalid(source, "the header is not UTF-8");

        var parser = new SafeTensorsHeader(header, source);
        Dictionary<string, SafeTensorsEntry> byName;
        try
        {
            byName = parser.ReadHeader(out metadata);
        }
        catch (JsonException e)
        {
            throw Invalid(source, $"the header is not the JSON it should be: {e.Message}", e);
        }
        entries = InFileOrder(byName, dataLength, source);
        return byName;
    }

    internal static InvalidDataException Invalid(string source, string what, Exception? inner = null) =>
        new($"{source} is not a valid safetensors file: {what}.", inner);

    /// <summary>A name for a message: short, and without characters that a terminal would obey.</summary>
    internal static string Quote(string name)
    {
        const int Longest = 60;
        var text = new StringBuilder("'");
        foreach (char c in name.AsSpan(0, Math.Min(name.Length, Longest)))
            text.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        return text.Append(name.Length > Longest ? "...'" : "'").ToString();
    }

    private Dictionary<string, SafeTensorsEntry> ReadHeader(out Dictionary<string, string> metadata)
    {
        var entries = new Dictionary<string, SafeTensorsEntry>();
        Dictionary<string, string>? found = null;
        Next();                                             // the '{' that Parse has seen
        while (Next() != JsonTokenType.EndObject)
        {
            string name = Text("a name");
            if (name != MetadataKey)
            {
                if (!entries.TryAdd(name, ReadEntry(name)))
                    throw Invalid($"the tensor {Quote(name)} is there twice");
            }
            else if (found is null)
                found = ReadMetadata();
            else
                throw Invalid($"{MetadataKey} is there twice");
        }
        _json.Read();                                       // throws if anything but white space follows
        metadata = found ?? [];
        return entries;
    }

    private Dictionary<string, string> ReadMetadata()
    {
        var metadata = new Dictionary<string, string>();
        if (Next() != JsonTokenType.StartObject)
            throw Invalid($"{MetadataKey} is not an object");
        while (Next() != JsonTokenType.EndObject)
        {
            string key = Text("a key of " + MetadataKey);
            if (Next() != JsonTokenType.String)
                throw Invalid($"{Quote(key)} in {MetadataKey} is not a string");
            if (!metadata.TryAdd(key, Text("a value of " + MetadataKey)))
                throw Invalid($"{Quote(key)} is twice in {MetadataKey}");
        }
        return metadata;
    }

    private SafeTensorsEntry ReadEntry(string name)
    {
        SafeTensorsType? type = null;
        long[]? shape = null;
        (long Begin, long End)? offsets = null;

        if (Next() != JsonTokenType.StartObject)
            throw InvalidTensor(name, "is not described by an object");
        while (Next() != JsonTokenType.EndObject)
        {
            if (Is("dtype"u8))
            {
                Once(name, "dtype", type is null);
                type = ReadType(name);
            }
            else if (Is("shape"u8))
            {
                Once(name, "shape", shape is null);
                shape = ReadShape(name);
            }
            else if (Is("data_offsets"u8))
            {
                Once(name, "data_offsets", offsets is null);
                offsets = ReadOffsets(name);
            }
            else
                throw InvalidTensor(name, $"has the unknown field {Quote(Text("a field"))}");
        }

        return Checked(name,
            type ?? throw InvalidTensor(name, "has no dtype"),
            shape ?? throw InvalidTensor(name, "has no shape"),
            offsets ?? throw InvalidTensor(name, "has no data_offsets"));
    }

    private readonly void Once(string name, string field, bool first)
    {
        if (!first)
            throw InvalidTensor(name, $"has {field} twice");
    }

    private SafeTensorsType ReadType(string name)
    {
        if (Next() != JsonTokenType.String)
            throw InvalidTensor(name, "has a dtype that is not a string");
        string dtype = Text("a dtype");
        return SafeTensorsTypes.Parse(dtype) ?? throw InvalidTensor(name, $"has the unknown dtype {Quote(dtype)}");
    }

    private long[] ReadShape(string name)
    {
        Span<long> shape = stackalloc long[MaxRank];
        int rank = 0;
        if (Next() != JsonTokenType.StartArray)
            throw InvalidTensor(name, "has a shape that is not an array");
        while (Next() != JsonTokenType.EndArray)
        {
            if (rank == MaxRank)
                throw InvalidTensor(name, $"has more than {MaxRank} dimensions");
            shape[rank++] = Size(name, "shape");
        }
        return shape[..rank].ToArray();
    }

    private (long Begin, long End) ReadOffsets(string name)
    {
        if (Next() != JsonTokenType.StartArray)
            throw InvalidTensor(name, "has data_offsets that are not an array");
        Next();
        long begin = Size(name, "data_offsets");
        Next();
        long end = Size(name, "data_offsets");
        return Next() == JsonTokenType.EndArray
            ? (begin, end)
            : throw InvalidTensor(name, "has data_offsets that are not two");
    }

    /// <summary>An integer from 0 to the largest <see cref="long"/>, in plain digits.</summary>
    private readonly long Size(string name, string field) =>
        _json.TokenType == JsonTokenType.Number && _json.ValueSpan[0] != '-' && _json.TryGetInt64(out long size)
            ? size
            : throw InvalidTensor(name, $"has something else than a non-negative 64-bit integer in its {field}");

    private readonly SafeTensorsEntry Checked(string name, SafeTensorsType type, long[] shape, (long Begin, long End) offsets)
    {
        SafeTensorsEntry entry = SafeTensorsEntry.Create(name, type, shape, offsets.Begin, out string problem)
            ?? throw InvalidTensor(name, $"is {type.Name()} [{string.Join(", ", shape)}], which has {problem}");
        return offsets.End >= offsets.Begin && offsets.End - offsets.Begin == entry.ByteLength
            ? entry
            : throw InvalidTensor(name, $"is {entry.Describe()}, which takes {entry.ByteLength} bytes, but its data_offsets are {offsets.Begin} and {offsets.End}");
    }

    private static SafeTensorsEntry[] InFileOrder(Dictionary<string, SafeTensorsEntry> byName, long dataLength, string source)
    {
        SafeTensorsEntry[] entries = [.. byName.Values];
        // Tensors without elements lie before the one that begins where they do; names make the order of several such definite.
        Array.Sort(entries, static (a, b) =>
            a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin)
            : a.ByteLength != b.ByteLength ? a.ByteLength.CompareTo(b.ByteLength)
            : string.CompareOrdinal(a.Name, b.Name));

        long end = 0;
        foreach (SafeTensorsEntry entry in entries)
        {
            if (entry.Begin != end)
            {
                throw Invalid(source, $"the tensor {Quote(entry.Name)} begins at byte {entry.Begin} of the data, "
                    + $"{(entry.Begin < end ? "inside the one before it, which ends" : "leaving a gap after the one before it, which ends")} at {end}");
            }
            end = entry.End;
        }
        return end == dataLength
            ? entries
            : throw Invalid(source, $"its tensors take {end} bytes, but {dataLength} follow the header");
    }

    private JsonTokenType Next()
    {
        if (!_json.Read())
            throw Invalid("the header ends too early");
        return _json.TokenType;
    }

    /// <summary>Whether the field at hand has this name.</summary>
    private readonly bool Is(ReadOnlySpan<byte> field) =>
        _json.ValueIsEscaped ? Text("a field") == Encoding.UTF8.GetString(field) : _json.ValueTextEquals(field);

    /// <summary>The string at hand, decoded.</summary>
    private readonly string Text(string what)
    {
        string text;
        try
        {
            text = _json.GetString()!;
        }
        catch (InvalidOperationException e)                 // \ud800 without its other half
        {
            throw Invalid($"{what} is not text", e);
        }
        return text.Contains('\0') ? throw Invalid($"{what} holds a null character") : text;
    }

    private readonly InvalidDataException InvalidTensor(string name, string what) => Invalid($"the tensor {Quote(name)} {what}");

    private readonly InvalidDataException Invalid(string what, Exception? inner = null) =>
        Invalid(_source, $"{what} (byte {_json.TokenStartIndex} of the header)", inner);
}
