using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

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
    private readonly long _begin, _data;                    // where the file, and where its data begins in the stream
    private readonly Dictionary<string, SafeTensorsEntry> _byName;
    private readonly SafeTensorsEntry[] _entries;
    private readonly Dictionary<string, string> _metadata;
    private byte[] _stored = [];                            // values on their way through a conversion

    private SafeTensorsReader(Stream stream, bool leaveOpen)
    {
        (_stream, _leaveOpen, _begin) = (stream, leaveOpen, stream.Position);
        Source = stream is FileStream file ? file.Name : "The stream";

        long length = Math.Max(0, stream.Length - _begin);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (length < prefix.Length)
            throw SafeTensorsHeader.Invalid(Source, $"it has {length} bytes, and the length of the header alone takes {prefix.Length}");
        stream.ReadExactly(prefix);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > SafeTensorsHeader.MaxLength)
            throw NoHeader($"its header would have {headerLength} bytes, and at most {SafeTensorsHeader.MaxLength} are allowed");
        if ((long)headerLength > length - prefix.Length)
            throw NoHeader($"its header would have {headerLength} bytes, but only {length - prefix.Length} follow");

        byte[] header = GC.AllocateUninitializedArray<byte>((int)headerLength);
        stream.ReadExactly(header);
        if (header is not [(byte)'{', ..])
            throw NoHeader("the header does not start with '{'");
        _data = stream.Position;
        _byName = SafeTensorsHeader.Parse(header, length - prefix.Length - header.Length, Source, out _metadata, out _entries);
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
    /// <remarks>Of a stream that cannot seek, such as a download, all is read into memory first: up to 2 GB.</remarks>
    /// <param name="stream">The stream; it is used until the reader is disposed.</param>
    /// <param name="leaveOpen">Whether disposing the reader leaves the stream open.</param>
    /// <exception cref="InvalidDataException">It does not hold a valid safetensors file; the message says why.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static SafeTensorsReader Open(Stream stream, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        RowMajor.RequireLittleEndian();
        if (stream.CanSeek)
            return new SafeTensorsReader(stream, leaveOpen);

        var copy = new MemoryStream();
        stream.CopyTo(copy);
        copy.Position = 0;
        var reader = new SafeTensorsReader(copy, leaveOpen: false);
        if (!leaveOpen)
            stream.Dispose();
        return reader;
    }

    /// <summary>The file's name, for messages.</summary>
    internal string Source { get; }

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
    /// <param name="destination">Receives the values; exactly as long as there are. Unchanged where the request is refused.</param>
    /// <param name="convert">Allows F16, BF16 and F32 to be read as <see cref="float"/> or <see cref="double"/> (exact) and F64 as <see cref="float"/> (rounded to nearest).</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">Its type is not <typeparamref name="T"/>'s, and no conversion was asked for or there is none; or a finite
    /// value would become infinite.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    public void Read<T>(string name, Span<T> destination, bool convert = false) where T : unmanaged, INumber<T>
    {
        SafeTensorsEntry entry = Find(name, destination, convert);
        if (FindBeyond<T>(entry) is string found)
            throw new InvalidDataException($"The tensor {SafeTensorsHeader.Quote(name)} in {Source} {found}.");
        ReadUnchecked(entry, destination, columnMajor: false);
    }

    /// <summary>
    /// Reads the values of a tensor into the memory of a matrix, whose columns lie one after the other. The tensor's first index counts
    /// the rows, all others together the columns; without a second, this is the same as <see cref="Read{T}"/>.
    /// </summary>
    /// <inheritdoc cref="Read{T}"/>
    public void ReadColumnMajor<T>(string name, Span<T> destination, bool convert = false) where T : unmanaged, INumber<T>
    {
        SafeTensorsEntry entry = Find(name, destination, convert);
        if (FindBeyond<T>(entry) is string found)
            throw new InvalidDataException($"The tensor {SafeTensorsHeader.Quote(name)} in {Source} {found}.");
        ReadUnchecked(entry, destination, columnMajor: true);
    }

    /// <summary>Reads the values of a tensor that was checked: by type, count, and <see cref="FindBeyond{T}"/>.</summary>
    internal void ReadUnchecked<T>(SafeTensorsEntry entry, Span<T> destination, bool columnMajor) where T : unmanaged, INumber<T>
    {
        if (columnMajor && entry.Rows > 1 && entry.Columns > 1)
            ReadTransposed(entry, destination);
        else
            ReadAt(entry, 0, destination);
    }

    /// <summary>Looks through a tensor that is to be read as <typeparamref name="T"/> for a finite value that would become infinite.</summary>
    /// <returns>What there is, as a message goes on after the tensor's name; null where all can be read.</returns>
    internal string? FindBeyond<T>(SafeTensorsEntry entry) where T : unmanaged, INumber<T>
    {
        if (entry.Type != SafeTensorsType.F64 || typeof(T) != typeof(float))
            return null;                                    // all other conversions only add bits
        var buffer = new double[(int)Math.Min(entry.Count, RowMajor.BufferSize<double>())];
        for (long done = 0; done < entry.Count; done += buffer.Length)
        {
            Span<double> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, entry.Count - done));
            ReadAt(entry, done, part);
            if (SafeTensorsValues.IndexBeyond<double>(part, SafeTensorsType.F32) is var index and >= 0)
                return string.Create(CultureInfo.InvariantCulture, $"has {part[index]:R} at {entry.PlaceOf(done + index)}, beyond the range of float");
        }
        return null;
    }

    /// <summary>Whether the last tensor holds the SHA-256 of all bytes before it, as <see cref="SafeTensorsWriter.AddDigest"/> has it written.</summary>
    internal bool HasValidDigest(string name)
    {
        if (!_byName.TryGetValue(name, out SafeTensorsEntry? entry) || entry != _entries[^1] || entry.Type != SafeTensorsType.U8 || entry.Count != SHA256.HashSizeInBytes)
            return false;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[RowMajor.BufferSize<byte>()];
        _stream.Position = _begin;
        for (long left = _data + entry.Begin - _begin; left > 0;)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, left));
            _stream.ReadExactly(part);
            hash.AppendData(part);
            left -= part.Length;
        }
        Span<byte> digest = buffer.AsSpan(0, SHA256.HashSizeInBytes);
        _stream.ReadExactly(digest);
        return digest.SequenceEqual(hash.GetHashAndReset());
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
            throw new KeyNotFoundException($"{Source} has no tensor {SafeTensorsHeader.Quote(name)}.");

        SafeTensorsType? type = SafeTensorsTypes.Of<T>();
        bool convertible = SafeTensorsTypes.AreConvertible(entry.Type, type);
        if (entry.Type != type && !(convert && convertible))
        {
            throw new InvalidDataException($"The tensor {SafeTensorsHeader.Quote(name)} in {Source} is {entry.Type.Name()}, not {typeof(T).Name}"
                + (convertible ? "; converting must be asked for." : ", and is not converted."));
        }
        if (destination.Length != entry.Count)
            throw new ArgumentException($"The tensor {SafeTensorsHeader.Quote(name)} has {entry.Count} values, but destination has room for {destination.Length}.", nameof(destination));
        return entry;
    }

    private void ReadTransposed<T>(SafeTensorsEntry entry, Span<T> destination) where T : unmanaged, INumber<T>
    {
        int rows = (int)entry.Rows, columns = (int)entry.Columns;
        (int blockRows, int blockColumns) = RowMajor.BlockToRead<T>(rows, columns);
        var buffer = new T[blockRows * blockColumns];
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
                RowMajor.ToMatrix<T>(buffer, height, width, destination[(column * rows + row)..], rows);
            }
        }
    }

    /// <summary>Reads values from the one with this number on, in parts, since a span of bytes holds less than 2 GB.</summary>
    private void ReadAt<T>(SafeTensorsEntry entry, long index, Span<T> values) where T : unmanaged, INumber<T>
    {
        int size = entry.Type.Bits() / 8;
        bool asStored = entry.Type == SafeTensorsTypes.Of<T>();
        _stream.Position = _data + entry.Begin + index * size;
        while (!values.IsEmpty)
        {
            Span<T> part = values[..Math.Min(values.Length, RowMajor.BufferSize<double>())];
            if (asStored)
                _stream.ReadExactly(MemoryMarshal.AsBytes(part));
            else
                SafeTensorsValues.Decode(entry.Type, ReadStored(part.Length * size), part);
            values = values[part.Length..];
        }
    }

    private Span<byte> ReadStored(int count)
    {
        if (_stored.Length < count)
            _stored = new byte[count];
        Span<byte> bytes = _stored.AsSpan(0, count);
        _stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>What is wrong with a file that does not begin as one of these does.</summary>
    private InvalidDataException NoHeader(string what)
    {
        Span<byte> begin = stackalloc byte[ForeignFile.Bytes];
        _stream.Position = _begin;
        begin = begin[.._stream.ReadAtLeast(begin, begin.Length, throwOnEndOfStream: false)];
        return SafeTensorsHeader.Invalid(Source, ForeignFile.Describe(begin) is string foreign ? $"it is {foreign}" : what);
    }
}
