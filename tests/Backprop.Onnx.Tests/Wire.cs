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

    public static byte[] Tensor(int field, string name, long type, long[] shape, params byte[] raw) => Block(field, [.. shape.Select(size => Number(1, size)), Number(2, type), Text(8, name), Block(9, raw)]);
}
