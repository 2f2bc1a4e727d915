using System.Buffers.Binary;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Backprop;

/// <summary>
/// Reads tensors from a safetensors file. Opening checks the whole header, so every entry that can be seen can be read;
/// values are read when they are asked for, straight into the caller's memory.
/// </summary>
/// <remarks>
/// Format: <see href="https://github.com/huggingface/safetensors#format"/>. A file from anywhere can be opened: whatever is wrong with it
/// ends in an <see cref="InvalidDataException"/> that says what and where, and takes no more memory than a small multiple of the header
/// that is really there.
/// <threadsafety>Not safe: one reader serves one thread at a time.</threadsafety>
/// </remarks>
/// <example><code>
/// using var file = SafeTensorsReader.Open("model.safetensors");
/// foreach (var entry in file.Entries)
///     Console.WriteLine(entry);                       // hidden.weight: F32 [32, 64]
/// file.ReadColumnMajor("hidden.weight", weight.AsColumnMajorArray());
/// </code></example>
public sealed class SafeTensorsReader : IDisposable
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly string _source;
    private readonly long _data;                            // where the data begins in the stream
    private readonly Dictionary<string, SafeTensorsEntry> _byName;
    private readonly SafeTensorsEntry[] _entries;
    private readonly Dictionary<string, string> _metadata;

    private SafeTensorsReader(Stream stream, bool leaveOpen)
    {
        (_stream, _leaveOpen) = (stream, leaveOpen);
        _source = stream is FileStream file ? file.Name : "The stream";

        long length = stream.Length - stream.Position;
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (length < prefix.Length)
            throw SafeTensorsHeader.Invalid(_source, $"it has {length} bytes, and the length of the header alone takes {prefix.Length}");
        stream.ReadExactly(prefix);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > SafeTensorsHeader.MaxLength)
            throw SafeTensorsHeader.Invalid(_source, $"its header would have {headerLength} bytes, and at most {SafeTensorsHeader.MaxLength} are allowed");
        if ((long)headerLength > length - prefix.Length)
            throw SafeTensorsHeader.Invalid(_source, $"its header would have {headerLength} bytes, but only {length - prefix.Length} follow");

        byte[] header = GC.AllocateUninitializedArray<byte>((int)headerLength);
        stream.ReadExactly(header);
        _data = stream.Position;
        _byName = SafeTensorsHeader.Parse(header, length - prefix.Length - header.Length, _source, out _metadata, out _entries);
    }

    /// <summary>Opens and checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">It is not a valid safetensors file; the message says why.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SafeTensorsReader Open(string path)
    {
        // A file being read may be replaced by a new one: the open one stays what it was.
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            return Open(stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Opens and checks the rest of a stream, from its position to its end.</summary>
    /// <param name="stream">A stream that can seek; it is used until the reader is disposed.</param>
    /// <param name="leaveOpen">Whether disposing the reader leaves the stream open.</param>
    /// <exception cref="ArgumentException">The stream cannot seek.</exception>
    /// <exception cref="InvalidDataException">It does not hold a valid safetensors file; the message says why.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SafeTensorsReader Open(Stream stream, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        RowMajor.RequireLittleEndian();
        return stream.CanSeek
            ? new SafeTensorsReader(stream, leaveOpen)
            : throw new ArgumentException("SafeTensorsReader expects a stream that can seek; copy this one into a MemoryStream.", nameof(stream));
    }

    /// <summary>The free-form part of the header; PyTorch's files have <c>format = pt</c>. Empty if the file has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>All tensors, in the order of the file.</summary>
    public IReadOnlyList<SafeTensorsEntry> Entries => _entries;

    /// <summary>Whether there is a tensor of this name, and what the file says of it.</summary>
    /// <param name="name">The name.</param>
    /// <param name="entry">The entry, if there is one.</param>
    public bool TryGetEntry(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SafeTensorsEntry? entry) =>
        _byName.TryGetValue(name, out entry);

    /// <summary>Reads the values of a tensor as the file has them: the last index moves fastest.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="double"/> or <see cref="long"/>, as the tensor's type says.</typeparam>
    /// <param name="name">The tensor's name.</param>
    /// <param name="destination">Receives the values; exactly as long as there are.</param>
    /// <param name="convert">Allows F32 to be read as <see cref="double"/> (exact) and F64 as <see cref="float"/> (rounded to nearest).</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">Its type is not <typeparamref name="T"/>'s, and no conversion was asked for or there is none.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    public void Read<T>(string name, Span<T> destination, bool convert = false) where T : unmanaged, INumber<T>
    {
        SafeTensorsEntry entry = Find(name, destination, convert);
        if (entry.Type == SafeTensorsTypes.Of<T>())
            ReadAt(entry, 0, destination);
        else if (entry.Type == SafeTensorsType.F32)
            ReadConverted<float, T>(entry, destination);
        else
            ReadConverted<double, T>(entry, destination);
    }

    /// <summary>
    /// Reads the values of a tensor into the memory of a matrix, whose columns lie one after the other. The tensor's first index counts
    /// the rows, all others together the columns; without a second, this is the same as <see cref="Read{T}"/>.
    /// </summary>
    /// <inheritdoc cref="Read{T}"/>
    public void ReadColumnMajor<T>(string name, Span<T> destination, bool convert = false) where T : unmanaged, INumber<T>
    {
        SafeTensorsEntry entry = Find(name, destination, convert);
        if (entry.Rows <= 1 || entry.Columns <= 1)
            Read(name, destination, convert);
        else if (entry.Type == SafeTensorsType.F32)
            ReadTransposed<float, T>(entry, destination);
        else if (entry.Type == SafeTensorsType.F64)
            ReadTransposed<double, T>(entry, destination);
        else
            ReadTransposed<long, T>(entry, destination);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        if (!_leaveOpen)
            _stream.Dispose();
    }

    private SafeTensorsEntry Find<T>(string name, ReadOnlySpan<T> destination, bool convert)
    {
        if (!_byName.TryGetValue(name, out SafeTensorsEntry? entry))
            throw new KeyNotFoundException($"{_source} has no tensor {SafeTensorsHeader.Quote(name)}.");

        SafeTensorsType? type = SafeTensorsTypes.Of<T>();
        bool convertible = SafeTensorsTypes.IsFloating(type) && SafeTensorsTypes.IsFloating(entry.Type);
        if (entry.Type != type && !(convert && convertible))
        {
            throw new InvalidDataException($"The tensor {SafeTensorsHeader.Quote(name)} in {_source} is {entry.Type.Name()}, not {typeof(T).Name}"
                + (convertible ? "; converting must be asked for." : ", and is not converted."));
        }
        if (destination.Length != entry.Count)
            throw new ArgumentException($"The tensor {SafeTensorsHeader.Quote(name)} has {entry.Count} values, but destination has room for {destination.Length}.", nameof(destination));
        return entry;
    }

    private void ReadConverted<TStored, T>(SafeTensorsEntry entry, Span<T> destination)
        where TStored : unmanaged, INumber<TStored>
        where T : unmanaged, INumber<T>
    {
        var buffer = new TStored[Math.Min(destination.Length, RowMajor.BufferSize<TStored>())];
        for (int done = 0; done < destination.Length; done += buffer.Length)
        {
            Span<TStored> part = buffer.AsSpan(0, Math.Min(buffer.Length, destination.Length - done));
            ReadAt(entry, done, part);
            TensorPrimitives.ConvertTruncating<TStored, T>(part, destination[done..]);
        }
    }

    private void ReadTransposed<TStored, T>(SafeTensorsEntry entry, Span<T> destination)
        where TStored : unmanaged, INumber<TStored>
        where T : unmanaged, INumber<T>
    {
        int rows = (int)entry.Rows, columns = (int)entry.Columns;
        (int blockRows, int blockColumns) = RowMajor.BlockToRead<TStored>(rows, columns);
        var buffer = new TStored[blockRows * blockColumns];
        for (int row = 0; row < rows; row += blockRows)
        {
            int height = Math.Min(blockRows, rows - row);
            for (int column = 0; column < columns; column += blockColumns)
            {
                int width = Math.Min(blockColumns, columns - column);
                if (width == columns)
                    ReadAt(entry, (long)row * columns, buffer.AsSpan(0, height * width));
                else
                {
                    for (int i = 0; i < height; i++)
                        ReadAt(entry, (long)(row + i) * columns + column, buffer.AsSpan(i * width, width));
                }
                RowMajor.ToMatrix<TStored, T>(buffer, height, width, destination[(column * rows + row)..], rows);
            }
        }
    }

    private void ReadAt<TStored>(SafeTensorsEntry entry, long index, Span<TStored> values) where TStored : unmanaged
    {
        _stream.Position = _data + entry.Begin + index * Unsafe.SizeOf<TStored>();
        while (!values.IsEmpty)                             // a span of bytes holds less than 2 GB
        {
            Span<TStored> part = values[..Math.Min(values.Length, RowMajor.BufferSize<TStored>())];
            _stream.ReadExactly(MemoryMarshal.AsBytes(part));
            values = values[part.Length..];
        }
    }
}
