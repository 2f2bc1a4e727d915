using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Backprop.Onnx;

/// <summary>The fields of a message of protobuf that is read. Nothing outside of its bytes is looked at, whatever lengths they claim.</summary>
internal ref struct Fields(ReadOnlySpan<byte> message, string name)
{
    private ReadOnlySpan<byte> _rest = message;
    private int _kind;

    /// <summary>The number of the field that was reached.</summary>
    public int Number { get; private set; }

    /// <summary>Goes to the next field; false behind the last. What the last field held must have been taken or skipped.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty) return false;
        var tag = Varint();
        if (tag >> 3 is 0 or > 0x1fffffff) throw Bad("has a field without a number");
        (Number, _kind) = ((int)(tag >> 3), (int)(tag & 7));
        return true;
    }

    /// <summary>The field's whole number.</summary>
    public long Integer()
    {
        Require(0);
        return unchecked((long)Varint());
    }

    /// <summary>The field's float.</summary>
    public float Single()
    {
        Require(5);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));
    }

    /// <summary>The field's bytes.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        Require(2);
        return Block();
    }

    /// <summary>The field's text.</summary>
    public string Text()
    {
        try
        {
            return Utf8.GetString(Bytes());
        }
        catch (DecoderFallbackException)
        {
            throw Bad("has a text that is no UTF-8");
        }
    }

    /// <summary>One more whole number, or several packed together.</summary>
    public void Integers(List<long> to)
    {
        if (_kind != 2)
        {
            to.Add(Integer());
            return;
        }

        var packed = new Fields(Block(), name) { Number = Number };
        while (!packed._rest.IsEmpty) to.Add(unchecked((long)packed.Varint()));
    }

    /// <summary>One more number of a fixed size, or several packed together, as bytes.</summary>
    public void Fixed(int size, List<byte> to)
    {
        var bytes = _kind == 2 ? Block() : Take(Kind(size));
        if (bytes.Length % size != 0) throw Bad($"has {bytes.Length} bytes for numbers of {size}");
        to.AddRange(bytes);
    }

    /// <summary>Passes over the field.</summary>
    public void Skip()
    {
        switch (_kind)
        {
            case 0: Varint(); break;
            case 1: Take(8); break;
            case 2: Block(); break;
            case 5: Take(4); break;
            default: throw Bad("is of a kind that ONNX does not have");
        }
    }

    private static UTF8Encoding Utf8 { get; } = new(false, throwOnInvalidBytes: true);

    private readonly int Kind(int size)
    {
        Require(size == 8 ? 1 : 5);
        return size;
    }

    private ReadOnlySpan<byte> Block() => Varint() is var length && length <= (ulong)_rest.Length ? Take((int)length) : throw Bad("goes beyond the end");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length) throw Bad("goes beyond the end");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private ulong Varint()
    {
        var value = 0ul;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (_rest.IsEmpty) throw Bad("ends in the middle of a number");
            var next = _rest[0];
            _rest = _rest[1..];
            if (shift == 63 && next > 1) break;
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80) return value;
        }

        throw Bad("has a number of more than 64 bits");
    }

    private readonly void Require(int kind)
    {
        if (_kind != kind) throw Bad("is of another kind than it must be");
    }

    private readonly InvalidDataException Bad(string what) => new(string.Create(CultureInfo.InvariantCulture, $"This is no ONNX file, or a damaged one: {name}{(Number > 0 ? $", field {Number}," : "")} {what}."));
}
