using System.IO.Compression;
using System.Numerics;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>Each rule of the format broken once, and what is said about it.</summary>
public sealed class SafeTensorsRefusalTests
{
    private const string A = """ "a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]} """;

    [Theory]
    [InlineData(0, "", "it has 0 bytes, and the length of the header alone takes 8")]
    [InlineData(7, "", "it has 7 bytes, and the length of the header alone takes 8")]
    [InlineData(8, "", "the header does not start with '{'")]
    [InlineData(8, "ffffffffffffffff", "its header would have 18446744073709551615 bytes, and at most 100000000 are allowed")]
    [InlineData(8, "0000000000000080", "its header would have 9223372036854775808 bytes, and at most 100000000 are allowed")]
    [InlineData(8, "01e1f50500000000", "its header would have 100000001 bytes, and at most 100000000 are allowed")]
    [InlineData(8, "00e1f50500000000", "its header would have 100000000 bytes, but only 0 follow")]
    [InlineData(9, "0200000000000000", "its header would have 2 bytes, but only 1 follow")]
    public void A_wrong_length_of_the_header_is_refused(int length, string begin, string message)
    {
        var file = new byte[length];
        Convert.FromHexString(begin).CopyTo(file, 0);
        Refused(file, message);
    }

    [Theory]
    [InlineData(" {}", "the header does not start with '{'")]
    [InlineData("[]", "the header does not start with '{'")]
    [InlineData("\ufeff{}", "the header does not start with '{'")]
    [InlineData("{", "the header is not the JSON it should be: *")]
    [InlineData("{}}", "the header is not the JSON it should be: *")]
    [InlineData("{}\0", "the header is not the JSON it should be: *")]
    [InlineData("{} {}", "the header is not the JSON it should be: *")]
    [InlineData("{a:1}", "the header is not the JSON it should be: *")]
    [InlineData("{/**/}", "the header is not the JSON it should be: *")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},}""", "the header is not the JSON it should be: *")]
    [InlineData("""{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}""", "the header is not the JSON it should be: *")]
    [InlineData("""{"a":{"dtype":"F32","shape":[[[[2]]]],"data_offsets":[0,8]}}""", "the header is not the JSON it should be: *")]
    [InlineData("""{"a\ud800":1}""", "a name is not text (byte 1 of the header)")]
    [InlineData("""{"\u0000":1}""", "a name holds a null character (byte 1 of the header)")]
    public void What_is_not_the_JSON_it_should_be_is_refused(string header, string message) => Refused(SafeTensorsBytes.Of(header, 8), message);

    [Fact]
    public void What_is_not_UTF8_is_refused() =>
        Refused(SafeTensorsBytes.Of([.. "{\"a"u8, 0xff, .. "\":1}"u8], []), "the header is not UTF-8");

    [Theory]
    [InlineData("null", "is not described by an object")]
    [InlineData("[]", "is not described by an object")]
    [InlineData("{}", "has no dtype")]
    [InlineData("""{"dtype":"F32","data_offsets":[0,8]}""", "has no shape")]
    [InlineData("""{"dtype":"F32","shape":[2]}""", "has no data_offsets")]
    [InlineData("""{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}""", "has dtype twice")]
    [InlineData("""{"dtype":"F32","shape":[2],"sh\u0061pe":[2],"data_offsets":[0,8]}""", "has shape twice")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":[0,8],"data_offsets":[0,8]}""", "has data_offsets twice")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":[0,8],"strides":[1]}""", "has the unknown field 'strides'")]
    [InlineData("""{"Dtype":"F32","shape":[2],"data_offsets":[0,8]}""", "has the unknown field 'Dtype'")]
    [InlineData("""{"dtype":"F33","shape":[2],"data_offsets":[0,8]}""", "has the unknown dtype 'F33'")]
    [InlineData("""{"dtype":"f32","shape":[2],"data_offsets":[0,8]}""", "has the unknown dtype 'f32'")]
    [InlineData("""{"dtype":17,"shape":[2],"data_offsets":[0,8]}""", "has a dtype that is not a string")]
    [InlineData("""{"dtype":"F32","shape":2,"data_offsets":[0,8]}""", "has a shape that is not an array")]
    [InlineData("""{"dtype":"F32","shape":null,"data_offsets":[0,8]}""", "has a shape that is not an array")]
    [InlineData("""{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}""", "has something else than a non-negative 64-bit integer in its shape")]
    [InlineData("""{"dtype":"F32","shape":[-0],"data_offsets":[0,8]}""", "has something else than a non-negative 64-bit integer in its shape")]
    [InlineData("""{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}""", "has something else than a non-negative 64-bit integer in its shape")]
    [InlineData("""{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}""", "has something else than a non-negative 64-bit integer in its shape")]
    [InlineData("""{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}""", "has something else than a non-negative 64-bit integer in its shape")]
    [InlineData("""{"dtype":"F32","shape":[true],"data_offsets":[0,8]}""", "has something else than a non-negative 64-bit integer in its shape")]
    [InlineData("""{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}""", "has something else than a non-negative 64-bit integer in its shape")]
    [InlineData("""{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,8]}""", "is F32 [9223372036854775807], which has more bytes than can be counted")]
    [InlineData("""{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8]}""", "is F32 [4294967296, 4294967296, 2], which has more bytes than can be counted")]
    [InlineData("""{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}""", "is F32 [4294967296, 4294967296, 0], which has more bytes than can be counted")]
    [InlineData("""{"dtype":"F4","shape":[3],"data_offsets":[0,2]}""", "is F4 [3], which has a last byte that is not full")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":[0,7]}""", "is F32 [2], which takes 8 bytes, but its data_offsets are 0 and 7")]
    [InlineData("""{"dtype":"F32","shape":[3],"data_offsets":[0,8]}""", "is F32 [3], which takes 12 bytes, but its data_offsets are 0 and 8")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":[8,0]}""", "is F32 [2], which takes 8 bytes, but its data_offsets are 8 and 0")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}""", "has something else than a non-negative 64-bit integer in its data_offsets")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":[0]}""", "has something else than a non-negative 64-bit integer in its data_offsets")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":[]}""", "has something else than a non-negative 64-bit integer in its data_offsets")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}""", "has data_offsets that are not two")]
    [InlineData("""{"dtype":"F32","shape":[2],"data_offsets":{"0":8}}""", "has data_offsets that are not an array")]
    public void A_tensor_that_is_described_wrongly_is_refused(string entry, string message) =>
        Refused(SafeTensorsBytes.Of($$$"""{"w":{{{entry}}}}""", 8), $"the tensor 'w' {message} (byte * of the header)");

    [Theory]
    [InlineData(65, false)]
    [InlineData(64, true)]
    public void More_than_64_dimensions_are_refused(int rank, bool valid)
    {
        byte[] file = SafeTensorsBytes.Of($$$"""{"w":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, rank))}}}],"data_offsets":[0,1]}}""", 1);
        if (valid)
            SafeTensorsBytes.Open(file).Dispose();
        else
            Refused(file, "the tensor 'w' has more than 64 dimensions (byte * of the header)");
    }

    [Theory]
    [InlineData("{" + A + "}", 9, "its tensors take 8 bytes, but 9 follow the header")]
    [InlineData("{" + A + "}", 7, "its tensors take 8 bytes, but 7 follow the header")]
    [InlineData("{}", 1, "its tensors take 0 bytes, but 1 follow the header")]
    [InlineData("{" + A + "," + A + "}", 8, "the tensor 'a' is there twice (byte * of the header)")]
    [InlineData("{" + A + ""","\u0061":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", 16, "the tensor 'a' is there twice (byte * of the header)")]
    [InlineData("{" + A + ""","b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "the tensor 'b' begins at byte 0 of the data, inside the one before it, which ends at 8")]
    [InlineData("{" + A + ""","b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "the tensor 'b' begins at byte 4 of the data, inside the one before it, which ends at 8")]
    [InlineData("{" + A + ""","b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}""", 20, "the tensor 'b' begins at byte 12 of the data, leaving a gap after the one before it, which ends at 8")]
    [InlineData("""{"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "the tensor 'b' begins at byte 4 of the data, leaving a gap after the one before it, which ends at 0")]
    [InlineData("{" + A + ""","b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}""", 8, "the tensor 'b' begins at byte 4 of the data, inside the one before it, which ends at 8")]
    [InlineData("{" + A + ""","b":{"dtype":"F32","shape":[0],"data_offsets":[9,9]}}""", 8, "the tensor 'b' begins at byte 9 of the data, leaving a gap after the one before it, which ends at 8")]
    public void Data_not_covered_exactly_once_is_refused(string header, int dataLength, string message) =>
        Refused(SafeTensorsBytes.Of(header, dataLength), message);

    [Theory]
    [InlineData("null", "__metadata__ is not an object")]
    [InlineData("[]", "__metadata__ is not an object")]
    [InlineData("""{"a":1}""", "'a' in __metadata__ is not a string")]
    [InlineData("""{"a":null}""", "'a' in __metadata__ is not a string")]
    [InlineData("""{"a":{}}""", "'a' in __metadata__ is not a string")]
    [InlineData("""{"a":"","a":""}""", "'a' is twice in __metadata__")]
    [InlineData("""{"a":"\udc00"}""", "a value of __metadata__ is not text")]
    [InlineData("""{"a":"\u0000"}""", "a value of __metadata__ holds a null character")]
    [InlineData("""{},"__metadata__":{}""", "__metadata__ is there twice")]
    public void Metadata_that_is_not_strings_is_refused(string metadata, string message) =>
        Refused(SafeTensorsBytes.Of($$$"""{"__metadata__":{{{metadata}}}}""", 0), $"{message} (byte * of the header)");

    [Fact]
    public void Messages_stay_short_and_obey_nobody()
    {
        string name = "\u001b[2J" + new string('x', 100_000);
        Refused(SafeTensorsBytes.Of($$"""{"{{name.Replace("\u001b", "\\u001b", StringComparison.Ordinal)}}":1}""", 0),
            $"the tensor '?[2J{new string('x', 56)}...' is not described by an object (byte * of the header)");
    }

    [Fact]
    public void A_stream_that_cannot_seek_is_read_like_one_that_can()
    {
        byte[] file = SafeTensorsBytes.Written(writer => writer.Add("a", [2], [1f, 2]));
        using (var whole = SafeTensorsReader.Open(new OneWayStream(file)))
        {
            var values = new float[2];
            whole.Read<float>("a", values);
            values.Should().Equal(1, 2);
        }

        for (int length = 0; length < file.Length; length++)
        {
            var open = () => SafeTensorsReader.Open(new OneWayStream(file[..length]));
            open.Should().Throw<InvalidDataException>();
        }

        var stream = new OneWayStream(file);
        SafeTensorsReader.Open(stream, leaveOpen: true).Dispose();
        stream.CanRead.Should().BeTrue();
        stream = new OneWayStream(file);
        SafeTensorsReader.Open(stream).Dispose();
        stream.CanRead.Should().BeFalse();
    }

    /// <summary>The product of the first example's sizes is 32 in 64 bits, and so it is of the second's in 128.</summary>
    [Theory]
    [InlineData("U8", "6295983356833376776,6755941598694255364", 32)]
    [InlineData("U8", "4611686018427387904,4611686018427387904,16", 0)]
    [InlineData("U8", "9223372036854775807,9223372036854775807", 1)]
    [InlineData("F64", "4611686018427387904,4611686018427387904", 0)]
    [InlineData("F4", "9223372036854775807,9223372036854775807,9223372036854775807", 0)]
    [InlineData("F4", "4611686018427387904,3", 0)]
    [InlineData("U8", "0,9223372036854775807,9223372036854775807", 0)]
    public void Sizes_whose_product_wraps_are_refused(string type, string shape, int length) => Refused(
        SafeTensorsBytes.Of($$$"""{"a":{"dtype":"{{{type}}}","shape":[{{{shape}}}],"data_offsets":[0,{{{length}}}]}}""", length),
        $"the tensor 'a' is {type} [{shape.Replace(",", ", ", StringComparison.Ordinal)}], which has more bytes than can be counted (byte * of the header)");

    [Fact]
    public void What_can_be_counted_is_what_has_less_than_two_to_the_63_bytes()
    {
        var random = new Random(1);
        for (int i = 0; i < 100_000; i++)
        {
            var type = (SafeTensorsType)random.Next(Enum.GetValues<SafeTensorsType>().Length);
            // Sizes that multiply to something near the limit, and far beyond it.
            long[] shape = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.NextInt64() >> random.Next(63))];
            BigInteger bits = shape.Where(size => size != 0).Aggregate(new BigInteger(type.Bits()), (product, size) => product * size);
            bool countable = bits / 8 <= long.MaxValue && bits / type.Bits() <= long.MaxValue, full = shape.Contains(0) || bits % 8 == 0;
            var entry = SafeTensorsEntry.Create("a", type, shape, begin: 0, out string problem);
            (entry is not null).Should().Be(countable && full, $"{type} [{string.Join(", ", shape)}]");
            if (entry is not null) entry.ByteLength.Should().Be(shape.Contains(0) ? 0 : (long)(bits / 8));
            else problem.Should().Be(countable ? "a last byte that is not full" : "more bytes than can be counted");
        }
    }

    public static TheoryData<string, byte[], string> ForeignFiles => new()
    {
        { "PyTorch", Zip("archive/data.pkl"), """a PyTorch file (.pt or .pth), a zip archive around a pickle; convert it in Python with safetensors.torch.save_file(model.state_dict(), "model.safetensors")""" },
        { "another zip", Zip("config.json"), """a zip archive, as PyTorch's .pt and .pth files are; convert it in Python with safetensors.torch.save_file(model.state_dict(), "model.safetensors")""" },
        { "zip cut short", [.. "PK\u0003\u0004"u8, 0, 0, 8, 8], """a zip archive, as PyTorch's .pt and .pth files are; convert it in Python with *""" },
        { "old PyTorch", Convert.FromHexString("80028a0a6cfc9c46f9206aa850192e80024de9032e"), """a PyTorch file in the format before version 1.6, a pickle; convert it in Python with *""" },
        { "pickle", Convert.FromHexString("80027d71002858060000007765696768747101"), """a Python pickle, as PyTorch's .pt and .pth files are; convert it in Python with *""" },
        { "newer pickle", Convert.FromHexString("80049510000000000000007d94"), """a Python pickle, as PyTorch's .pt and .pth files are; convert it in Python with *""" },
        { "gzip", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2], "compressed with gzip; decompress it first" },
        { "HDF5", [0x89, .. "HDF\r\n\u001a\n"u8, 0, 0], "an HDF5 file, as Keras writes them; convert it in Python with safetensors.numpy.save_file(arrays, \"model.safetensors\")" },
        { "NumPy", [0x93, .. "NUMPY"u8, 1, 0, 0x76, 0], "a NumPy array; convert it in Python with *" },
        { "NumPy archive", Zip("weight.npy"), "a NumPy archive (.npz); convert it in Python with *" },
        { "Git LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"u8.ToArray(), "a Git LFS pointer, which stands for the file itself; fetch that with git lfs pull" },
        { "page", "\n<!DOCTYPE html><html></html>"u8.ToArray(), "a web page; what was to be downloaded is something else" },
    };

    [Theory, MemberData(nameof(ForeignFiles))]
    public void A_file_of_another_kind_is_named_and_how_to_convert_it(string kind, byte[] file, string message)
    {
        Refused(file, $"it is {message}");
        kind.Should().NotBeEmpty();
    }

    /// <summary>A length may look like the beginning of anything.</summary>
    [Theory]
    [InlineData("8002000000000000", 640)]
    [InlineData("8004000000000000", 1152)]
    [InlineData("1f8b080000000000", 559_903)]
    [InlineData("504b030400000000", 67_324_752)]
    public void A_file_that_is_merely_cut_short_is_not_taken_for_another(string begin, int length)
    {
        byte[] cut = [.. Convert.FromHexString(begin), .. "{ }"u8];
        if (length < 60_000_000)
            Refused(cut, $"its header would have {length} bytes, but only 3 follow");
        byte[] whole = [.. Convert.FromHexString(begin), .. "{}"u8, .. Enumerable.Repeat((byte)' ', length - 2)];
        SafeTensorsBytes.Open(whole).Dispose();
    }

    private static byte[] Zip(string name)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        using (var entry = zip.CreateEntry(name).Open())
            entry.Write(new byte[100]);
        return stream.ToArray();
    }

    private static void Refused(byte[] file, string message)
    {
        var open = () => SafeTensorsBytes.Open(file);
        open.Should().Throw<InvalidDataException>().WithMessage($"The stream is not a valid safetensors file: {message}.");
    }
}
