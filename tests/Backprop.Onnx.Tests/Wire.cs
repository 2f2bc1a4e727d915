using System.Text;

namespace Backprop.Onnx.Tests;

/// <summary>Bytes of protobuf, right or wrong, written by a second hand.</summary>
internal static class Wire
{
    public static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 128; value /= 128) bytes.Add((byte)(value % 128 + 128));
        return [.. bytes, (byte)value];
    }

    public static byte[] Number(int field, long value) => [.. Varint((ulong)field * 8), .. Varint(unchecked((ulong)value))];

    public static byte[] Block(int field, params byte[][] parts)
    {
        byte[] all = [.. parts.SelectMany(part => part)];
        return [.. Varint((ulong)field * 8 + 2), .. Varint((ulong)all.Length), .. all];
    }

    public static byte[] Text(int field, string text) => Block(field, Encoding.UTF8.GetBytes(text));

    public static byte[] Model(params byte[][] graph) => [.. Number(1, 8), .. Block(7, graph), .. Block(8, Number(2, 18))];

    public static byte[] Node(string op, string input, string output, params byte[][] more) => Block(1, [Text(1, input), Text(2, output), Text(4, op), .. more]);

    public static byte[] Port(int field, string name, params long[] sizes) =>
        Block(field, Text(1, name), Block(2, Block(1, Number(1, 1), Block(2, [.. sizes.Select(size => size < 0 ? Block(1, Text(2, "batch")) : Block(1, Number(1, size)))]))));

    /// <summary>A setting of a node: a whole number, or a list of them where there are several.</summary>
    public static byte[] Setting(string name, params long[] values) => values.Length == 1 ? Block(5, Text(1, name), Number(3, values[0]), Number(20, 2)) : Settings(name, values);

    public static byte[] Settings(string name, params long[] values) => Block(5, [Text(1, name), .. values.Select(value => Number(8, value)), Number(20, 7)]);

    public static byte[] Setting(string name, string value) => Block(5, Text(1, name), Text(4, value), Number(20, 3));

    public static byte[] Setting(string name, double value) => Block(5, Text(1, name), [.. Varint(2 * 8 + 5), .. Floats((float)value)], Number(20, 1));

    public static byte[] Settings(string name, params double[] values) => Block(5, Text(1, name), Block(7, Floats([.. values.Select(value => (float)value)])), Number(20, 6));

    public static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    public static byte[] Longs(params long[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    /// <summary>A weight with numbers that tell its entries apart.</summary>
    public static byte[] Weight(string name, params long[] shape) =>
        Tensor(5, name, 1, shape, Floats([.. Enumerable.Range(0, (int)shape.Aggregate(1L, (count, size) => count * size)).Select(i => (i * 7 % 11 - 4) / 4f)]));

    public static byte[] Sizes(string name, params long[] values) => Tensor(5, name, 7, [values.Length], Longs(values));

    public static byte[] Tensor(int field, string name, long type, long[] shape, params byte[] raw) => Block(field, [.. shape.Select(size => Number(1, size)), Number(2, type), Text(8, name), Block(9, raw)]);
}
