using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Backprop;

/// <summary>
/// Writes tensors as a safetensors file, which PyTorch and others read. The tensors are collected first, because the file begins with what
/// it holds; their values are written from where they are.
/// </summary>
/// <remarks>
/// Format: <see href="https://github.com/huggingface/safetensors#format"/>. The same tensors give the same bytes, in whatever order they
/// were added: as in the reference implementation, the type that is last in <see cref="SafeTensorsType"/> comes first, and within a type
/// names rise by their UTF-8 bytes. So every value lies at a multiple of its size.
/// </remarks>
/// <example><code>
/// var file = new SafeTensorsWriter();
/// file.AddMetadata("format", "pt");
/// file.AddColumnMajor("hidden.weight", [32, 64], weight.AsColumnMajorArray());
/// file.Add("hidden.bias", [32], bias.AsArray());
/// file.Save("model.safetensors");
/// </code></example>
public sealed class SafeTensorsWriter
{
    private const int Alignment = 8;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private sealed record Tensor(byte[] Utf8Name, SafeTensorsEntry Entry, Action<Stream> WriteValues);

    /// <summary>Adds to the free-form part of the header; PyTorch's files have <c>format = pt</c>.</summary>
    /// <param name="key">A key that is not there yet.</param>
    /// <param name="value">Any text.</param>
    /// <exception cref="ArgumentException">The key is taken, or one of the two is no text that UTF-8 can hold or has a null character.</exception>
    public void AddMetadata(string key, string value)
    {
        Utf8(key, nameof(key));
        Utf8(value, nameof(value));
        if (!_metadata.TryAdd(key, value))
            throw new ArgumentException($"There already is metadata called {SafeTensorsHeader.Quote(key)}.", nameof(key));
    }

    /// <summary>Adds a tensor whose values lie as the file has them: the last index moves fastest.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="double"/> or <see cref="long"/>: F32, F64 or I64 in the file.</typeparam>
    /// <param name="name">A name that no other tensor has.</param>
    /// <param name="shape">The sizes, at most 64; none for a scalar.</param>
    /// <param name="values">The values, as many as the sizes multiply to. They are not copied: what they are when the file is written counts.</param>
    /// <param name="storeAs">Asks for a conversion between F32 and F64; a <see cref="double"/> is rounded to the nearest <see cref="float"/>.</param>
    /// <exception cref="ArgumentException">The name is taken, is <c>__metadata__</c>, has a null character or is no text that UTF-8 can hold;
    /// the values do not fit the shape; the type cannot be stored.</exception>
    public void Add<T>(string name, ReadOnlySpan<long> shape, T[] values, SafeTensorsType? storeAs = null) where T : unmanaged, INumber<T> =>
        Add(name, shape, values, storeAs, columnMajor: false);

    /// <summary>
    /// Adds a tensor whose values lie in the memory of a matrix, whose columns lie one after the other. The tensor's first index counts
    /// the rows, all others together the columns; without a second, this is the same as <see cref="Add{T}(string, ReadOnlySpan{long}, T[], SafeTensorsType?)"/>.
    /// </summary>
    /// <inheritdoc cref="Add{T}(string, ReadOnlySpan{long}, T[], SafeTensorsType?)"/>
    public void AddColumnMajor<T>(string name, ReadOnlySpan<long> shape, T[] values, SafeTensorsType? storeAs = null) where T : unmanaged, INumber<T> =>
        Add(name, shape, values, storeAs, columnMajor: true);

    /// <summary>Writes the file, completely or not at all: whatever happens, the path holds the old file or the new one.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <exception cref="InvalidOperationException">Names and metadata take more than the 100,000,000 bytes that the format allows.</exception>
    /// <exception cref="IOException">It could not be written, for want of room or another reason that the message gives. A file that was there is unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, Write);

    /// <summary>Writes the file to a stream, from its position on.</summary>
    /// <param name="stream">The stream; it need not be able to seek.</param>
    /// <exception cref="InvalidOperationException">Names and metadata take more than the 100,000,000 bytes that the format allows.</exception>
    /// <exception cref="IOException">The stream could not be written.</exception>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        RowMajor.RequireLittleEndian();

        Tensor[] tensors = [.. _tensors.Values];
        Array.Sort(tensors, static (a, b) => a.Entry.Type != b.Entry.Type
            ? b.Entry.Type.CompareTo(a.Entry.Type)
            : a.Utf8Name.AsSpan().SequenceCompareTo(b.Utf8Name));

        ReadOnlySpan<byte> header = Header(tensors);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        stream.Write(prefix);
        stream.Write(header);
        foreach (Tensor tensor in tensors)
            tensor.WriteValues(stream);
    }

    private void Add<T>(string name, ReadOnlySpan<long> shape, T[] values, SafeTensorsType? storeAs, bool columnMajor) where T : unmanaged, INumber<T>
    {
        byte[] utf8Name = Utf8(name, nameof(name));
        ArgumentNullException.ThrowIfNull(values);
        string quoted = SafeTensorsHeader.Quote(name);
        if (name == SafeTensorsHeader.MetadataKey)
            throw new ArgumentException($"No tensor can be called {name}: the format keeps the name for itself.", nameof(name));
        if (_tensors.ContainsKey(name))
            throw new ArgumentException($"There already is a tensor called {quoted}.", nameof(name));

        SafeTensorsType type = SafeTensorsTypes.Of<T>()
            ?? throw new ArgumentException($"The tensor {quoted} has values of type {typeof(T).Name}; float, double and long can be stored.", nameof(values));
        SafeTensorsType stored = storeAs ?? type;
        if (stored != type && !(SafeTensorsTypes.IsFloating(stored) && SafeTensorsTypes.IsFloating(type)))
            throw new ArgumentException($"The tensor {quoted} is {type.Name()} and cannot be stored as {stored.Name()}: only F32 and F64 are converted.", nameof(storeAs));

        if (shape.Length > SafeTensorsHeader.MaxRank)
            throw new ArgumentException($"The tensor {quoted} has {shape.Length} dimensions, and at most {SafeTensorsHeader.MaxRank} are allowed.", nameof(shape));
        SafeTensorsEntry? entry = SafeTensorsEntry.Create(name, stored, shape.ToArray(), begin: 0, out _);
        if (entry?.Count != values.Length)
            throw new ArgumentException($"The tensor {quoted} cannot have {values.Length} values and the shape [{string.Join(", ", shape.ToArray())}].", nameof(shape));

        bool transpose = columnMajor && entry.Rows > 1 && entry.Columns > 1;
        _tensors.Add(name, new Tensor(utf8Name, entry, stored switch
        {
            SafeTensorsType.F32 => stream => WriteValues<T, float>(stream, entry, values, transpose),
            SafeTensorsType.F64 => stream => WriteValues<T, double>(stream, entry, values, transpose),
            _ => stream => WriteValues<T, long>(stream, entry, values, transpose),
        }));
    }

    private static byte[] Utf8(string text, string parameter)
    {
        ArgumentNullException.ThrowIfNull(text, parameter);
        if (text.Contains('\0'))
            throw new ArgumentException($"{SafeTensorsHeader.Quote(text)} holds a null character.", parameter);
        try
        {
            return StrictUtf8.GetBytes(text);
        }
        catch (EncoderFallbackException)
        {
            throw new ArgumentException($"{SafeTensorsHeader.Quote(text)} holds half a surrogate pair, which is no text.", parameter);
        }
    }

    private ReadOnlySpan<byte> Header(Tensor[] tensors)
    {
        var buffer = new ArrayBufferWriter<byte>();
        // Letters beyond ASCII stay as they are, as in the reference implementation.
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (_metadata.Count > 0)
            {
                json.WriteStartObject(SafeTensorsHeader.MetadataKey);
                foreach ((string key, string value) in _metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            long begin = 0;
            foreach (Tensor tensor in tensors)
            {
                json.WriteStartObject(tensor.Utf8Name);
                json.WriteString("dtype"u8, tensor.Entry.Type.Name());
                json.WriteStartArray("shape"u8);
                foreach (long size in tensor.Entry.Shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets"u8);
                json.WriteNumberValue(begin);
                json.WriteNumberValue(begin += tensor.Entry.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        int padding = (Alignment - buffer.WrittenCount % Alignment) % Alignment;
        buffer.Write("       "u8[..padding]);
        return buffer.WrittenCount <= SafeTensorsHeader.MaxLength
            ? buffer.WrittenSpan
            : throw new InvalidOperationException(
                $"The names and the metadata take {buffer.WrittenCount} bytes, and a safetensors file allows {SafeTensorsHeader.MaxLength}.");
    }

    private static void WriteValues<T, TStored>(Stream stream, SafeTensorsEntry entry, T[] values, bool transpose)
        where T : unmanaged, INumber<T>
        where TStored : unmanaged, INumber<TStored>
    {
        if (transpose)
            WriteTransposed<T, TStored>(stream, values, (int)entry.Rows, (int)entry.Columns);
        else if (values is TStored[] stored)
            WriteAll<TStored>(stream, stored);
        else
            WriteConverted<T, TStored>(stream, values);
    }

    private static void WriteAll<TStored>(Stream stream, ReadOnlySpan<TStored> values) where TStored : unmanaged
    {
        while (!values.IsEmpty)                             // a span of bytes holds less than 2 GB
        {
            ReadOnlySpan<TStored> part = values[..Math.Min(values.Length, RowMajor.BufferSize<TStored>())];
            stream.Write(MemoryMarshal.AsBytes(part));
            values = values[part.Length..];
        }
    }

    private static void WriteConverted<T, TStored>(Stream stream, ReadOnlySpan<T> values)
        where T : unmanaged, INumber<T>
        where TStored : unmanaged, INumber<TStored>
    {
        var buffer = new TStored[Math.Min(values.Length, RowMajor.BufferSize<TStored>())];
        while (!values.IsEmpty)
        {
            int count = Math.Min(values.Length, buffer.Length);
            TensorPrimitives.ConvertTruncating<T, TStored>(values[..count], buffer);
            stream.Write(MemoryMarshal.AsBytes(buffer.AsSpan(0, count)));
            values = values[count..];
        }
    }

    private static void WriteTransposed<T, TStored>(Stream stream, ReadOnlySpan<T> values, int rows, int columns)
        where T : unmanaged, INumber<T>
        where TStored : unmanaged, INumber<TStored>
    {
        int blockRows = RowMajor.RowsToWrite<TStored>(rows, columns);
        var buffer = new TStored[blockRows * columns];
        for (int row = 0; row < rows; row += blockRows)
        {
            int height = Math.Min(blockRows, rows - row);
            RowMajor.FromMatrix<T, TStored>(values[row..], rows, buffer, height, columns);
            WriteAll<TStored>(stream, buffer.AsSpan(0, height * columns));
        }
    }
}
