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
    public void A_stream_that_cannot_seek_is_refused()
    {
        using var stream = new System.IO.Compression.GZipStream(new MemoryStream(), System.IO.Compression.CompressionMode.Decompress);
        var open = () => SafeTensorsReader.Open(stream);
        open.Should().Throw<ArgumentException>()
            .WithMessage("SafeTensorsReader expects a stream that can seek; copy this one into a MemoryStream. (Parameter 'stream')");
    }

    private static void Refused(byte[] file, string message)
    {
        var open = () => SafeTensorsBytes.Open(file);
        open.Should().Throw<InvalidDataException>().WithMessage($"The stream is not a valid safetensors file: {message}.");
    }
}
