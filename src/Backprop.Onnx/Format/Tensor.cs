namespace Backprop.Onnx;

/// <summary>Numbers in a file: of a type and a shape, row after row.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What the entries are.</param>
/// <param name="Shape">Sizes along each axis; none for a single number.</param>
/// <param name="Bytes">The entries, little-endian.</param>
internal sealed record Tensor(string Name, OnnxType Type, long[] Shape, byte[] Bytes)
{
    /// <summary>How many entries there are.</summary>
    public int Count => Shape.Aggregate(1, (count, size) => checked(count * (int)size));

    /// <summary>The shape as messages write it: <c>4x3</c>.</summary>
    public string ShapeText => Shape.Length == 0 ? "a single number" : string.Join('x', Shape);

    /// <summary>Bytes of an entry; 0 for a type that is not read.</summary>
    public static int SizeOf(OnnxType type) => type switch { OnnxType.Float or OnnxType.Int32 => 4, OnnxType.Double or OnnxType.Int64 => 8, OnnxType.Float16 => 2, OnnxType.Bool => 1, _ => 0 };
}
