using System.Buffers.Binary;
using System.Numerics;

namespace Backprop.Onnx;

/// <summary>The numbers of a tensor in a type of ours.</summary>
internal static class Numbers
{
    /// <summary>Its whole numbers; null where it has others.</summary>
    public static long[]? Integers(Tensor tensor)
    {
        if (tensor.Type is not (OnnxType.Int64 or OnnxType.Int32)) return null;
        var (numbers, size) = (new long[tensor.Count], Tensor.SizeOf(tensor.Type));
        for (var i = 0; i < numbers.Length; i++)
        {
            var bytes = tensor.Bytes.AsSpan(i * size, size);
            numbers[i] = size == sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : BinaryPrimitives.ReadInt64LittleEndian(bytes);
        }

        return numbers;
    }

    /// <summary>Its numbers, rounded where T is narrower; null where they are none that a weight can be.</summary>
    /// <exception cref="InvalidDataException">A number is finite there and would be infinite here.</exception>
    public static T[]? Of<T>(Tensor tensor) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (tensor.Type is not (OnnxType.Float or OnnxType.Double or OnnxType.Float16)) return null;
        var (numbers, size) = (new T[tensor.Count], Tensor.SizeOf(tensor.Type));
        for (var i = 0; i < numbers.Length; i++)
        {
            var bytes = tensor.Bytes.AsSpan(i * size, size);
            var value = tensor.Type switch { OnnxType.Double => BinaryPrimitives.ReadDoubleLittleEndian(bytes), OnnxType.Float => BinaryPrimitives.ReadSingleLittleEndian(bytes), _ => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes) };
            numbers[i] = T.CreateSaturating(value);
            if (T.IsInfinity(numbers[i]) && double.IsFinite(value))
                throw new InvalidDataException(FormattableString.Invariant($"The tensor \"{tensor.Name}\" of this ONNX file holds {value}, which a {typeof(T).Name} does not."));
        }

        return numbers;
    }
}
