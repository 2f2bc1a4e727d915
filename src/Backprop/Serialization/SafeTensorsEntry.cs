namespace Backprop;

/// <summary>What a safetensors file says of one tensor: its name, element type, shape, and where its values lie.</summary>
/// <remarks>Values lie row after row (the last index moves fastest), little-endian, without gaps.</remarks>
public sealed class SafeTensorsEntry
{
    private readonly long[] _shape;

    private SafeTensorsEntry(string name, SafeTensorsType type, long[] shape, long count, long byteLength, long begin) =>
        (Name, Type, _shape, Count, ByteLength, Begin) = (name, type, shape, count, byteLength, begin);

    /// <summary>The name, unique in the file: <c>hidden.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The type of each element.</summary>
    public SafeTensorsType Type { get; }

    /// <summary>The sizes, as PyTorch gives them: (out, in) for a weight, none for a scalar. A size may be 0.</summary>
    public IReadOnlyList<long> Shape => _shape;

    /// <summary>How many elements there are: the product of the sizes, 1 for a scalar.</summary>
    public long Count { get; }

    /// <summary>How many bytes the values take in the file.</summary>
    public long ByteLength { get; }

    /// <summary>Where the values begin and end, counted from the end of the header.</summary>
    internal long Begin { get; }

    internal long End => Begin + ByteLength;

    /// <summary>As a matrix, a tensor has its first index down the rows and all others along the columns.</summary>
    internal long Rows => _shape.Length == 0 ? 1 : _shape[0];

    internal long Columns => Rows == 0 ? 0 : Count / Rows;

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Describe()}";

    /// <summary>Type and shape: <c>F32 [32, 64]</c>.</summary>
    internal string Describe() => $"{Type.Name()} [{string.Join(", ", _shape)}]";

    /// <summary>The place of a value, given by its number in the file: <c>[3, 4]</c>.</summary>
    internal string PlaceOf(long index)
    {
        var place = new long[_shape.Length];
        for (int i = place.Length - 1; i >= 0; i--)
            (index, place[i]) = Math.DivRem(index, _shape[i]);
        return $"[{string.Join(", ", place)}]";
    }

    /// <summary>Makes an entry, if its values can be counted.</summary>
    /// <returns>The entry; or null, and <paramref name="problem"/> says what is wrong with the shape.</returns>
    internal static SafeTensorsEntry? Create(string name, SafeTensorsType type, long[] shape, long begin, out string problem)
    {
        problem = "";
        // Sizes other than 0 must multiply to something that can be counted even beside a 0, whatever their order: to less than 2^63 elements and bytes.
        UInt128 elements = 1, most = UInt128.Min(((UInt128.One << 66) - 1) / (UInt128)type.Bits(), long.MaxValue);
        foreach (long size in shape)
        {
            if (size < 0)
                problem = "a negative size";
            UInt128 factor = (UInt128)Math.Max(size, 1);
            if (elements > most / factor)                   // divided, since the product may not fit 128 bits either
            {
                problem = "more bytes than can be counted";
                break;
            }
            elements *= factor;
        }
        if (shape.Contains(0))
            elements = 0;
        if (problem.Length == 0 && elements * (UInt128)type.Bits() % 8 != 0)
            problem = "a last byte that is not full";
        return problem.Length > 0
            ? null
            : new SafeTensorsEntry(name, type, shape, (long)elements, (long)(elements * (UInt128)type.Bits() / 8), begin);
    }
}
