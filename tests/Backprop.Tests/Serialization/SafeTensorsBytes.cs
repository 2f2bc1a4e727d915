using System.Buffers.Binary;
using System.Text;

namespace Backprop.Tests;

/// <summary>safetensors files as bytes, put together by hand.</summary>
internal static class SafeTensorsBytes
{
    /// <summary>A file with this header as it is, and so many bytes of data.</summary>
    public static byte[] Of(string header, int dataLength) => Of(Encoding.UTF8.GetBytes(header), new byte[dataLength]);

    public static byte[] Of(ReadOnlySpan<byte> header, ReadOnlySpan<byte> data)
    {
        var prefix = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, header.Length);
        return [.. prefix, .. header, .. data];
    }

    public static byte[] Written(Action<SafeTensorsWriter> add)
    {
        var writer = new SafeTensorsWriter();
        add(writer);
        using var stream = new MemoryStream();
        writer.Write(stream);
        return stream.ToArray();
    }

    public static SafeTensorsReader Open(byte[] file) => SafeTensorsReader.Open(new MemoryStream(file, writable: false));

    public static string HeaderOf(byte[] file) => Encoding.UTF8.GetString(file, 8, (int)BinaryPrimitives.ReadInt64LittleEndian(file));
}
