using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
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

    private string? _digest;

    private sealed record Tensor(byte[] Utf8Name, SafeTensorsEntry Entry, Action<Stream> WriteValues, Action? Check = null);

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
    /// <param name="storeAs">Asks for a conversion of a <see cref="float"/> or <see cref="double"/> to F16, BF16, F32 or F64: rounded once, to the nearest, ties to
    /// even. A finite value that would become infinite is refused when the file is written.</param>
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
    /// <exception cref="OverflowException">A finite value would become infinite in the type it is to be stored as; the message says which. Nothing was written.</exception>
    /// <exception cref="IOException">It could not be written, for want of room or another reason that the message gives. A file that was there is unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, Write);

    /// <summary>Writes the file to a stream, from its position on.</summary>
    /// <param name="stream">The stream; it need not be able to seek.</param>
    /// <exception cref="InvalidOperationException">Names and metadata take more than the 100,000,000 bytes that the format allows.</exception>
    /// <exception cref="OverflowException">A finite value would become infinite in the type it is to be stored as; the message says which. Nothing was written.</exception>
    /// <exception cref="IOException">The stream could not be written.</exception>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        RowMajor.RequireLittleEndian();

        foreach (Tensor tensor in _tensors.Values)
            tensor.Check?.Invoke();
        Tensor[] tensors = [.. _tensors.Values];
        Array.Sort(tensors, static (a, b) => a.Entry.Type != b.Entry.Type
            ? b.Entry.Type.CompareTo(a.Entry.Type)
            : a.Utf8Name.AsSpan().SequenceCompareTo(b.Utf8Name));

        ReadOnlySpan<byte> header = Header(tensors);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        using var hashed = _digest is null ? null : new HashingStream(stream);
        Stream target = hashed ?? stream;
        target.Write(prefix);
        target.Write(header);
        foreach (Tensor tensor in tensors)
        {
            if (tensor.Entry.Name == _digest)
                stream.Write(hashed!.GetHash());
            else
                tensor.WriteValues(target);
        }
    }

    /// <summary>Adds a tensor that holds the SHA-256 of all bytes before it. Bytes are the type that comes last in a file, and no other tensor has it.</summary>
    internal void AddDigest(string name)
    {
        long[] shape = [SHA256.HashSizeInBytes];
        _tensors.Add(name, new Tensor(Utf8(name, nameof(name)), SafeTensorsEntry.Create(name, SafeTensorsType.U8, shape, begin: 0, out _)!, _ => { }));
        _digest = name;
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
        if (stored != type && !SafeTensorsTypes.AreConvertible(stored, type))
            throw new ArgumentException($"The tensor {quoted} is {type.Name()} and cannot be stored as {stored.Name()}: only F32 and F64 are converted, to F16, BF16, F32 or F64.", nameof(storeAs));

        if (shape.Length > SafeTensorsHeader.MaxRank)
            throw new ArgumentException($"The tensor {quoted} has {shape.Length} dimensions, and at most {SafeTensorsHeader.MaxRank} are allowed.", nameof(shape));
        SafeTensorsEntry? entry = SafeTensorsEntry.Create(name, stored, shape.ToArray(), begin: 0, out _);
        if (entry?.Count != values.Length)
            throw new ArgumentException($"The tensor {quoted} cannot have {values.Length} values and the shape [{string.Join(", ", shape.ToArray())}].", nameof(shape));

        bool transpose = columnMajor && entry.Rows > 1 && entry.Columns > 1;
        _tensors.Add(name, new Tensor(utf8Name, entry,
            stream => WriteValues(stream, entry, values, transpose),
            stored == type ? null : () => RequireInRange(entry, values, transpose)));
    }

    private static void RequireInRange<T>(SafeTensorsEntry entry, T[] values, bool transposed) where T : unmanaged, INumber<T>
    {
        int index = SafeTensorsValues.IndexBeyond<T>(values, entry.Type);
        if (index < 0)
            return;
        (long column, long row) = transposed ? Math.DivRem(index, entry.Rows) : (index, 0);
        string place = entry.PlaceOf(transposed ? row * entry.Columns + column : index);
        throw new OverflowException(string.Create(CultureInfo.InvariantCulture,
            $"The tensor {SafeTensorsHeader.Quote(entry.Name)} has {values[index]} at {place}, beyond the range of {entry.Type.Name()}."));
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

    private static void WriteValues<T>(Stream stream, SafeTensorsEntry entry, T[] values, bool transpose) where T : unmanaged, INumber<T>
    {
        int size = entry.Type.Bits() / 8;
        byte[] stored = entry.Type == SafeTensorsTypes.Of<T>() ? [] : new byte[(int)Math.Min(values.Length, RowMajor.BufferSize<double>()) * size];
        if (!transpose)
        {
            WriteAll<T>(stream, entry.Type, values, stored);
            return;
        }

        int rows = (int)entry.Rows, columns = (int)entry.Columns, blockRows = RowMajor.RowsToWrite<T>(rows, columns);
        var buffer = new T[blockRows * columns];
        for (int row = 0; row < rows; row += blockRows)
        {
            int height = Math.Min(blockRows, rows - row);
            RowMajor.FromMatrix<T>(values.AsSpan(row), rows, buffer, height, columns);
            WriteAll<T>(stream, entry.Type, buffer.AsSpan(0, height * columns), stored);
        }
    }

    /// <summary>Writes values in parts, since a span of bytes holds less than 2 GB.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="type">What they are stored as.</param>
    /// <param name="values">The values.</param>
    /// <param name="stored">Room for a part that is converted; empty where none is.</param>
    private static void WriteAll<T>(Stream stream, SafeTensorsType type, ReadOnlySpan<T> values, Span<byte> stored) where T : unmanaged, INumber<T>
    {
        while (!values.IsEmpty)
        {
            ReadOnlySpan<T> part = values[..Math.Min(values.Length, RowMajor.BufferSize<double>())];
            if (stored.IsEmpty)
                stream.Write(MemoryMarshal.AsBytes(part));
            else
            {
                Span<byte> bytes = stored[..(part.Length * (type.Bits() / 8))];
                SafeTensorsValues.Encode(part, type, bytes);
                stream.Write(bytes);
            }
            values = values[part.Length..];
        }
    }
}
