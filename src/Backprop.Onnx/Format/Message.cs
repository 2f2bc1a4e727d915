using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Backprop.Onnx;

/// <summary>A message of protobuf that is to be written: fields with numbers, one after the other. Sizes are known before anything is written, so all of it goes into one array, once.</summary>
/// <remarks>The fields' numbers are those of <see href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto">onnx.proto</see>.</remarks>
internal sealed class Message
{
    private readonly List<(int Field, object Value)> _fields = [];
    private long _size;

    /// <summary>Bytes that it takes.</summary>
    public long Size => _size;

    /// <summary>A whole number.</summary>
    public Message Add(int field, long value) => Add(field, value, SizeOf(unchecked((ulong)value)));

    /// <summary>A float.</summary>
    public Message Add(int field, float value) => Add(field, value, sizeof(float));

    /// <summary>A text.</summary>
    public Message Add(int field, string value) => Add(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Bytes as they are.</summary>
    public Message Add(int field, byte[] value) => Add(field, value, SizeOf((ulong)value.Length) + value.Length);

    /// <summary>A message within this one, which must not grow any more.</summary>
    public Message Add(int field, Message value) => Add(field, value, SizeOf((ulong)value.Size) + value.Size);

    /// <summary>All of it.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[_size];
        WriteTo(bytes);
        return bytes;
    }

    private Message Add(int field, object value, long size)
    {
        _fields.Add((field, value));
        _size += SizeOf((ulong)field << 3) + size;
        return this;
    }

    private Span<byte> WriteTo(Span<byte> to)
    {
        foreach (var (field, value) in _fields)
        {
            to = Write(to, ((ulong)field << 3) | (value switch { long => 0u, float => 5u, _ => 2u }));
            switch (value)
            {
                case long number:
                    to = Write(to, unchecked((ulong)number));
                    break;
                case float number:
                    BinaryPrimitives.WriteSingleLittleEndian(to, number);
                    to = to[sizeof(float)..];
                    break;
                case byte[] bytes:
                    to = Write(to, (ulong)bytes.Length);
                    bytes.CopyTo(to);
                    to = to[bytes.Length..];
                    break;
                case Message message:
                    to = message.WriteTo(Write(to, (ulong)message.Size));
                    break;
            }
        }

        return to;
    }

    // Seven bits a byte, the lowest first; the eighth says that more follow.
    private static Span<byte> Write(Span<byte> to, ulong value)
    {
        var at = 0;
        for (; value >= 0x80; value >>= 7) to[at++] = (byte)((value & 0x7f) | 0x80);
        to[at++] = (byte)value;
        return to[at..];
    }

    private static int SizeOf(ulong value) => (BitOperations.Log2(value | 1) + 7) / 7;
}
