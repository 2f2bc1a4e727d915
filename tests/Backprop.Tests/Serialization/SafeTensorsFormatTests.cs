using System.Buffers.Binary;
using System.Text;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public sealed class SafeTensorsFormatTests
{
    private const string GoldenHeader =
        """{"__metadata__":{"a":"1","format":"pt"},"steps":"""
        + """{"dtype":"I64","shape":[],"data_offsets":[0,8]},"bias":"""
        + """{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"empty":"""
        + """{"dtype":"F64","shape":[0,3],"data_offsets":[16,16]},"weight":"""
        + """{"dtype":"F32","shape":[2,3],"data_offsets":[16,40]}}""";

    /// <summary>Laid out by hand: the length, the header with its padding, -2, 0.1, and the numbers 1 to 6 row after row.</summary>
    private static readonly byte[] Golden =
    [
        0x18, 1, 0, 0, 0, 0, 0, 0,
        .. Encoding.ASCII.GetBytes(GoldenHeader), .. "    "u8,
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f,
        0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0, 0, 0xa0, 0x40, 0, 0, 0xc0, 0x40,
    ];

    [Fact]
    public void Writing_gives_the_golden_bytes_whatever_the_order()
    {
        Action<SafeTensorsWriter>[] additions =
        [
            writer => writer.AddMetadata("format", "pt"),
            writer => writer.AddColumnMajor("weight", [2, 3], [1f, 4, 2, 5, 3, 6]),
            writer => writer.AddMetadata("a", "1"),
            writer => writer.Add("empty", [0, 3], Array.Empty<double>()),
            writer => writer.Add("bias", [1], [0.1]),
            writer => writer.Add("steps", [], [-2L]),
        ];
        for (int seed = 0; seed < 10; seed++)
        {
            new Random(seed).Shuffle(additions);
            byte[] written = SafeTensorsBytes.Written(writer => Array.ForEach(additions, add => add(writer)));
            SafeTensorsBytes.HeaderOf(written).Should().Be(SafeTensorsBytes.HeaderOf(Golden));
            written.Should().Equal(Golden);
        }
    }

    [Fact]
    public void The_golden_bytes_are_read()
    {
        using var file = SafeTensorsBytes.Open(Golden);
        file.Metadata.Should().BeEquivalentTo(new Dictionary<string, string> { ["format"] = "pt", ["a"] = "1" });
        file.Entries.Select(entry => entry.ToString()).Should().Equal("steps: I64 []", "bias: F64 [1]", "empty: F64 [0, 3]", "weight: F32 [2, 3]");

        var steps = new long[1];
        var bias = new double[1];
        var weight = new float[6];
        file.Read<long>("steps", steps);
        file.Read<double>("bias", bias);
        file.Read<double>("empty", []);
        file.ReadColumnMajor<float>("weight", weight);
        (steps[0], bias[0]).Should().Be((-2, 0.1));
        weight.Should().Equal(1, 4, 2, 5, 3, 6);
    }

    [Fact]
    public void A_file_without_tensors_is_a_file()
    {
        byte[] written = SafeTensorsBytes.Written(_ => { });
        written.Should().Equal([8, 0, 0, 0, 0, 0, 0, 0, .. "{}      "u8]);
        using var file = SafeTensorsBytes.Open(written);
        file.Entries.Should().BeEmpty();
        file.Metadata.Should().BeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("ab")]
    [InlineData("abc")]
    [InlineData("abcd")]
    [InlineData("abcde")]
    [InlineData("abcdef")]
    [InlineData("abcdefg")]
    public void Data_begins_at_a_multiple_of_eight(string name)
    {
        byte[] written = SafeTensorsBytes.Written(writer => writer.Add(name, [1], [1f]));
        (BinaryPrimitives.ReadInt64LittleEndian(written) % 8).Should().Be(0);
        using var file = SafeTensorsBytes.Open(written);
        file.Entries.Should().ContainSingle().Which.Name.Should().Be(name);
    }

    [Fact]
    public void Names_rise_by_their_UTF8_bytes_and_are_written_as_they_are()
    {
        // In UTF-16, U+1F600 comes before U+FF21: its first half is D83D.
        string[] names = ["", "\n", "\"", "'<&>+\\", "B", "a", "a.0", "a.10", "a.2", "ÄÖ", "Ａ", "😀"];
        byte[] written = SafeTensorsBytes.Written(writer =>
        {
            writer.AddMetadata("Größe", "größer 😀");
            foreach (string name in names.Reverse())
                writer.Add(name, [], [1.0]);
        });
        using var file = SafeTensorsBytes.Open(written);
        file.Entries.Select(entry => entry.Name).Should().Equal(names);
        file.Metadata["Größe"].Should().Be("größer 😀");
        SafeTensorsBytes.HeaderOf(written).Should().Contain("\"ÄÖ\":").And.Contain("\"Größe\":\"größer").And.Contain("\"'<&>+\\\\\":");
    }

    /// <summary>Another writer may use any order, escapes and white space, and types that we cannot read.</summary>
    [Fact]
    public void A_header_from_elsewhere_is_understood()
    {
        using var file = SafeTensorsBytes.Open(SafeTensorsBytes.Of(
            """
            { "z": {"shape":[2], "data_offsets":[6, 14], "dtype":"F32"},
              "\u0061": {"dtype":"BF16","shape":[3],"data_offsets":[0,6]},
              "y": {"dtype":"I64","shape":[4,0],"data_offsets":[6,6]},
              "f4": {"dtype":"F4","shape":[2,3],"data_offsets":[14,17]}
            }
            """, 17));
        file.Entries.Select(entry => entry.ToString()).Should().Equal("a: BF16 [3]", "y: I64 [4, 0]", "z: F32 [2]", "f4: F4 [2, 3]");
        file.Entries.Select(entry => entry.ByteLength).Should().Equal(6, 0, 8, 3);
        file.Read<float>("z", new float[2]);

        file.Read<float>("a", new float[3], convert: true);

        var read = () => file.Read<float>("f4", new float[6], convert: true);
        read.Should().Throw<InvalidDataException>().WithMessage("The tensor 'f4' in The stream is F4, not Single, and is not converted.");
    }

    [Fact]
    public void All_types_of_the_format_are_known()
    {
        foreach (var type in Enum.GetValues<SafeTensorsType>())
        {
            string name = type.Name();
            name.Replace("_", "", StringComparison.Ordinal).Should().BeEquivalentTo(type.ToString());
            int bits = name is "BOOL" ? 8 : int.Parse(new string([.. name.SkipWhile(c => !char.IsAsciiDigit(c)).TakeWhile(char.IsAsciiDigit)]), null);
            type.Bits().Should().Be(bits);
            SafeTensorsTypes.Parse(name).Should().Be(type);
        }
        Enum.GetValues<SafeTensorsType>().Where(type => type.Bits() >= 8).Select(type => type.Bits()).Should().BeInAscendingOrder("alignment falls in the file");
    }

    [Fact]
    public void A_stream_is_read_from_its_position_and_closed_or_not()
    {
        var stream = new MemoryStream([1, 2, 3, .. Golden], writable: false) { Position = 3 };
        using (var file = SafeTensorsReader.Open(stream, leaveOpen: true))
            file.Entries.Should().HaveCount(4);
        stream.Position = 3;
        SafeTensorsReader.Open(stream).Dispose();
        stream.CanRead.Should().BeFalse();
    }

    [Fact]
    public void A_refused_file_is_closed()
    {
        string path = Path.GetTempFileName();
        var open = () => SafeTensorsReader.Open(path);
        open.Should().Throw<InvalidDataException>().WithMessage($"{path} is not a valid safetensors file: it has 0 bytes, and the length of the header alone takes 8.");
        using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            File.Delete(path);
    }

    [Fact]
    public void Wrong_requests_are_named()
    {
        using var file = SafeTensorsBytes.Open(Golden);
        Doing(() => file.Read<float>("weigth", new float[6])).Should().Throw<KeyNotFoundException>().WithMessage("The stream has no tensor 'weigth'.");
        Doing(() => file.Read<float>("weight", new float[5])).Should().Throw<ArgumentException>()
            .WithMessage("The tensor 'weight' has 6 values, but destination has room for 5. (Parameter 'destination')");
        Doing(() => file.Read<int>("weight", new int[6], convert: true)).Should().Throw<InvalidDataException>()
            .WithMessage("The tensor 'weight' in The stream is F32, not Int32, and is not converted.");
    }

    [Fact]
    public void What_cannot_be_written_is_refused_at_once()
    {
        var writer = new SafeTensorsWriter();
        writer.Add("a", [2], [1f, 2]);
        writer.AddMetadata("key", "value");

        Doing(() => writer.Add("a", [], [1.0])).Should().Throw<ArgumentException>().WithMessage("There already is a tensor called 'a'. (Parameter 'name')");
        Doing(() => writer.Add("__metadata__", [], [1.0])).Should().Throw<ArgumentException>()
            .WithMessage("No tensor can be called __metadata__: the format keeps the name for itself. (Parameter 'name')");
        Doing(() => writer.Add("b\0", [], [1.0])).Should().Throw<ArgumentException>().WithMessage("'b?' holds a null character. (Parameter 'name')");
        Doing(() => writer.Add("b\ud800", [], [1.0])).Should().Throw<ArgumentException>()
            .WithMessage("'b?' holds half a surrogate pair, which is no text. (Parameter 'name')");
        Doing(() => writer.Add("b", [2, 3], [1.0])).Should().Throw<ArgumentException>()
            .WithMessage("The tensor 'b' cannot have 1 values and the shape [2, 3]. (Parameter 'shape')");
        Doing(() => writer.Add("b", [-1, -1], [1.0])).Should().Throw<ArgumentException>().WithMessage("*[-1, -1]*");
        Doing(() => writer.Add("b", [1L << 32, 1L << 32], [1.0])).Should().Throw<ArgumentException>().WithMessage("*4294967296, 4294967296*");
        Doing(() => writer.Add("b", [.. Enumerable.Repeat(1L, 65)], [1.0])).Should().Throw<ArgumentException>()
            .WithMessage("The tensor 'b' has 65 dimensions, and at most 64 are allowed. (Parameter 'shape')");
        Doing(() => writer.Add("b", [1], [1])).Should().Throw<ArgumentException>()
            .WithMessage("The tensor 'b' has values of type Int32; float, double and long can be stored. (Parameter 'values')");
        Doing(() => writer.Add<double>(null!, [], [1.0])).Should().Throw<ArgumentNullException>();
        Doing(() => writer.Add<double>("b", [], null!)).Should().Throw<ArgumentNullException>();
        Doing(() => writer.AddMetadata("key", "")).Should().Throw<ArgumentException>().WithMessage("There already is metadata called 'key'. (Parameter 'key')");
        Doing(() => writer.AddMetadata("k", "\0")).Should().Throw<ArgumentException>();

        using var stream = new MemoryStream();
        writer.Write(stream);
        stream.ToArray().Should().Equal(SafeTensorsBytes.Written(other =>
        {
            other.Add("a", [2], [1f, 2]);
            other.AddMetadata("key", "value");
        }), "a refused tensor leaves no trace");
    }

    [Fact]
    public void A_header_that_no_reader_would_take_is_not_written()
    {
        var writer = new SafeTensorsWriter();
        writer.AddMetadata("long", new string('x', 100_000_000));
        using var stream = new MemoryStream();
        Doing(() => writer.Write(stream)).Should().Throw<InvalidOperationException>()
            .WithMessage("The names and the metadata take 100000032 bytes, and a safetensors file allows 100000000.");
        stream.Length.Should().Be(0);
    }

    private static Action Doing(Action action) => action;
}
