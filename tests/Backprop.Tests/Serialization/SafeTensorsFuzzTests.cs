using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using System.Text.Json;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>
/// Damaged and hostile files, the same ones in every run. For each, the reader must say what a plain second implementation says
/// (below, on JsonDocument), with no exception but its own, and with little memory.
/// </summary>
public sealed class SafeTensorsFuzzTests(ITestOutputHelper output)
{
    private const int FixedBytes = 5_000;                   // an exception, its message and its traces
    private const int BytesPerByte = 16;                  // short strings and their places in a dictionary

    private int _inputs, _valid;
    private double _most;

    [Fact]
    public void A_hundred_thousand_damaged_files_end_in_the_documented_exception()
    {
        byte[][] seeds = [.. Seeds()];
        foreach (byte[] seed in seeds)
        {
            Try(seed);
            Truncate(seed);
            Extend(seed);
            FlipEachBit(seed);
        }
        Mutate(seeds, count: 40_000);
        Rewrite(count: 60_000);
        Scramble(count: 5_000);

        output.WriteLine($"{_inputs} files, {_valid} of them valid; at most {_most:F0} bytes allocated beyond {BytesPerByte} for each byte of the file");
        _inputs.Should().BeGreaterThan(100_000);
        _valid.Should().BeInRange(_inputs / 100, _inputs / 2, "both answers must be tried");
    }

    /// <summary>Headers of megabytes, each of one hostile kind: a quadratic step would take hours.</summary>
    [Theory]
    [MemberData(nameof(LargeHeaders))]
    public async Task A_large_hostile_header_takes_little_time_and_memory(string kind)
    {
        var (header, data) = Large(kind);
        byte[] file = SafeTensorsBytes.Of(header, data);
        await Task.Run(() => Try(file), TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    public static TheoryData<string> LargeHeaders { get; } =
        ["many tensors", "many empty tensors", "many metadata", "deep", "long name", "long shape", "long number", "long string", "same name", "white space", "overlaps"];

    private static (string Header, int DataLength) Large(string kind)
    {
        const int Many = 50_000;
        string Entries(Func<int, string> entry) => $"{{{string.Join(',', Enumerable.Range(0, Many).Select(entry))}}}";
        return kind switch
        {
            "many tensors" => (Entries(i => $$$"""" "{{{i}}}":{"dtype":"U8","shape":[1],"data_offsets":[{{{Many - i - 1}}},{{{Many - i}}}]}""""), Many),
            "many empty tensors" => (Entries(i => $$$"""" "{{{i}}}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}""""), 0),
            "many metadata" => ($$$"""{"__metadata__":{{{Entries(i => $"\"{i:x}\":\"\"")}}}}""", 0),
            "deep" => ($$$"""{"a":{{{new string('[', 4_000_000)}}}""", 0),
            "long name" => ($$$"""{"{{{new string('x', 4_000_000)}}}":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}""", 1),
            "long shape" => ($$$"""{"a":{"dtype":"U8","shape":[1{{{string.Concat(Enumerable.Repeat(",1", 1_000_000))}}}],"data_offsets":[0,1]}}""", 1),
            "long number" => ($$$"""{"a":{"dtype":"U8","shape":[1{{{new string('0', 4_000_000)}}}],"data_offsets":[0,1]}}""", 1),
            "long string" => ($$$"""{"a":{"dtype":"{{{new string('U', 4_000_000)}}}","shape":[],"data_offsets":[0,1]}}""", 1),
            "same name" => (Entries(_ => """ "a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"""), 0),
            "white space" => ("{" + new string(' ', 4_000_000), 0),
            "overlaps" => (Entries(i => $$$"""" "{{{i}}}":{"dtype":"U8","shape":[{{{Many - i}}}],"data_offsets":[{{{i}}},{{{Many}}}]}""""), Many),
            _ => throw new ArgumentException(kind, nameof(kind)),
        };
    }

    private static IEnumerable<byte[]> Seeds()
    {
        yield return SafeTensorsBytes.Written(_ => { });
        yield return SafeTensorsBytes.Written(writer => writer.Add("a", [], [1f]));
        yield return SafeTensorsBytes.Written(writer => writer.AddMetadata("format", "pt"));
        yield return SafeTensorsBytes.Written(writer =>
        {
            writer.Add("weight", [2, 3], [1f, 2, 3, 4, 5, 6]);
            writer.Add("bias", [2], [1.0, 2]);
            writer.Add("steps", [], [7L]);
        });
        yield return SafeTensorsBytes.Written(writer =>
        {
            writer.AddMetadata("Größe 😀", "\"\\\n");
            writer.Add("Ä.0", [1, 0, 2], Array.Empty<double>());
            writer.Add("Ä.1", [1, 1, 2], [1.0, 2]);
            writer.Add("", [1], [3f]);
        });
    }

    private void Truncate(byte[] seed)
    {
        for (int length = 0; length < seed.Length; length++)
            Try(seed[..length]);
    }

    private void Extend(byte[] seed)
    {
        for (int more = 1; more <= 16; more++)
            Try([.. seed, .. new byte[more]]);
    }

    private void FlipEachBit(byte[] seed)
    {
        for (int bit = 0; bit < 8 * seed.Length; bit++)
        {
            byte[] file = [.. seed];
            file[bit / 8] ^= (byte)(1 << bit % 8);
            Try(file);
        }
    }

    /// <summary>Some bytes replaced, inserted, removed or moved; the length of the header set right again, so that it does not shield the rest.</summary>
    private void Mutate(byte[][] seeds, int count)
    {
        var random = new Random(1);
        for (int i = 0; i < count; i++)
        {
            List<byte> file = [.. seeds[random.Next(seeds.Length)]];
            int headerLength = BinaryPrimitives.ReadInt32LittleEndian([.. file[..4]]);
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                int at = random.Next(8, 8 + headerLength);
                switch (random.Next(4))
                {
                    case 0:
                        file[at] = Telling[random.Next(Telling.Length)];
                        break;
                    case 1:
                        file.Insert(at, Telling[random.Next(Telling.Length)]);
                        headerLength++;
                        break;
                    case 2:
                        file.RemoveAt(at);
                        headerLength--;
                        break;
                    default:
                        List<byte> part = file.GetRange(at, random.Next(8 + headerLength - at));
                        file.InsertRange(random.Next(8, 8 + headerLength), part);
                        headerLength += part.Count;
                        break;
                }
            }
            byte[] changed = [.. file];
            BinaryPrimitives.WriteInt64LittleEndian(changed, headerLength);
            Try(changed);
        }
    }

    private static ReadOnlySpan<byte> Telling => "{}[]\":,\\u0123456789-+.eE \n\0/*tfnFIU_a\u00e4\ud83d\ude00"u8;

    /// <summary>Well-formed headers whose parts are right, or wrong in one of the ways that matter.</summary>
    private void Rewrite(int count)
    {
        var random = new Random(2);
        for (int i = 0; i < count; i++)
        {
            int badly = random.Next(3) switch { 0 => 0, 1 => 40, _ => 8 };          // never, rarely, often
            long end = 0;
            var entries = new List<string>();
            for (int tensor = random.Next(4); tensor > 0; tensor--)
                entries.Add(Entry(random, badly, tensor, ref end));
            if (random.Next(3) == 0)
                entries.Add($$$""" "__metadata__":{{{Pick(random, badly, """{"a":"b"}""", "{}", "null", "[]", """{"a":1}""", """{"a":"b","a":"b"}""", """{"a":{"b":"c"}}""")}}}""");
            if (Wrong(random, badly) && entries.Count > 0)
                entries.Add(entries[random.Next(entries.Count)]);
            string[] shuffled = [.. entries];
            random.Shuffle(shuffled);

            string header = $"{{{string.Join(',', shuffled)}}}" + new string(' ', random.Next(9));
            if (Wrong(random, badly))
                header = header.Replace(":", new string('[', random.Next(100)), StringComparison.Ordinal);
            byte[] file = SafeTensorsBytes.Of(header, (int)Math.Min(end + (Wrong(random, badly) ? random.Next(-4, 5) : 0), 10_000) is var n and > 0 ? n : 0);
            if (Wrong(random, badly))
                BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)Number(random, header.Length));
            Try(file);
        }
    }

    private static string Entry(Random random, int badly, int tensor, ref long end)
    {
        string name = Pick(random, badly, $"t{tensor}", $"Größe {tensor}", "t1", "\\u0074" + tensor, "\\ud800", "__metadata__");
        string dtype = Pick(random, badly, "F32", "F64", "I64", "BF16", "U8", "F4", "F33", "f32", "", "\\u0046\\u0033\\u0032");
        int bits = SafeTensorsTypes.Parse(dtype)?.Bits() ?? 32;
        long[] shape = [.. Enumerable.Range(0, random.Next(4)).Select(_ => Wrong(random, badly) ? Number(random, 4) : random.Next(5))];
        BigInteger size = shape.Aggregate(BigInteger.One, (a, b) => a * b) * bits / 8;
        long length = size < 0 || size > 5_000 ? random.Next(8) : (long)size;
        long from = Wrong(random, badly) ? Number(random, end) : end;
        long to = Wrong(random, badly) ? Number(random, end + length) : unchecked(from + length);
        end = Math.Clamp(to, 0, 20_000);

        List<string> fields =
        [
            $"\"dtype\":{Pick(random, badly, $"\"{dtype}\"", $" \"{dtype}\" ", "null", "32", "[\"F32\"]", "{}")}",
            $"\"shape\":{Pick(random, badly, $"[{string.Join(',', shape)}]", $"[ {string.Join(" , ", shape)} ]", "null", "1", "[[1]]", "[1.0]", "[-0]", "[1e0]", "[\"1\"]")}",
            $"\"data_offsets\":{Pick(random, badly, $"[{from},{to}]", $"[ {from} , {to} ]", $"[{from}]", $"[{from},{to},{to}]", "[]", "{}", "null", $"[{from}.0,{to}]")}",
        ];
        if (Wrong(random, badly))
            fields.Add(fields[random.Next(3)]);
        if (Wrong(random, badly))
            fields.RemoveAt(random.Next(3));
        if (Wrong(random, badly))
            fields.Add("\"more\":0");
        string[] shuffled = [.. fields];
        random.Shuffle(shuffled);
        return $$$"""" "{{{name}}}":{{{{string.Join(',', shuffled)}}}}"""";
    }

    private static bool Wrong(Random random, int badly) => badly > 0 && random.Next(badly) == 0;

    /// <summary>One of the first two, or, where things may be wrong, any.</summary>
    private static string Pick(Random random, int badly, params ReadOnlySpan<string> choices) =>
        choices[Wrong(random, badly) ? random.Next(choices.Length) : random.Next(2)];

    private static long Number(Random random, long near) => random.Next(6) switch
    {
        0 => near + random.Next(-9, 10),
        1 => long.MaxValue - random.Next(9),
        2 => -random.Next(1, 9),
        3 => 1L << random.Next(63),
        4 => unchecked(near * 4_294_967_296),
        _ => random.NextInt64(),
    };

    private void Scramble(int count)
    {
        var random = new Random(3);
        for (int i = 0; i < count; i++)
        {
            var file = new byte[random.Next(200)];
            random.NextBytes(file);
            if (file.Length > 8 && random.Next(4) > 0)
            {
                BinaryPrimitives.WriteInt64LittleEndian(file, file.Length - 8 - random.Next(2));
                file[8] = (byte)'{';
            }
            Try(file);
        }
    }

    private static (SafeTensorsReader? Reader, Exception? Refusal, long Allocated) Open(Stream stream)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        SafeTensorsReader? reader = null;
        Exception? refusal = null;
        try
        {
            reader = SafeTensorsReader.Open(stream, leaveOpen: true);
        }
        catch (Exception e)
        {
            refusal = e;
        }

        return (reader, refusal, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private void Try(byte[] file)
    {
        _inputs++;
        bool isValid = IsValid(file);
        using var stream = new MemoryStream(file, writable: false);

        var (reader, refusal, allocated) = Open(stream);
        if (allocated - (double)BytesPerByte * file.Length > FixedBytes)
        {
            // The runtime allocates too, once, when it goes a way for the first time; the reader would do it again.
            reader?.Dispose();
            stream.Position = 0;
            (reader, refusal, allocated) = Open(stream);
        }

        if ((refusal is null) != isValid || refusal is not (null or InvalidDataException))
            Assert.Fail($"This file is {(isValid ? "valid" : "not valid")}, and the reader said {refusal?.ToString() ?? "nothing"}: {Convert.ToHexString(file)}");
        _most = Math.Max(_most, allocated - (double)BytesPerByte * file.Length);
        if (_most > FixedBytes)
            Assert.Fail($"{allocated} bytes were allocated for {file.Length}, {refusal?.Message}: {Convert.ToHexString(file.AsSpan(0, Math.Min(file.Length, 1000)))}");
        if (reader is not null)
        {
            _valid++;
            ReadAll(reader, file);
        }
    }

    private static void ReadAll(SafeTensorsReader reader, byte[] file)
    {
        int at = 8 + BinaryPrimitives.ReadInt32LittleEndian(file);
        foreach (SafeTensorsEntry entry in reader.Entries)
        {
            byte[] bytes = entry.Type switch
            {
                SafeTensorsType.F32 => Read<float>(reader, entry, BinaryPrimitives.WriteSingleLittleEndian),
                SafeTensorsType.F64 => Read<double>(reader, entry, BinaryPrimitives.WriteDoubleLittleEndian),
                SafeTensorsType.I64 => Read<long>(reader, entry, BinaryPrimitives.WriteInt64LittleEndian),
                _ => file[at..(at + (int)entry.ByteLength)],
            };
            Assert.True(bytes.AsSpan().SequenceEqual(file.AsSpan(at, (int)entry.ByteLength)));
            at += bytes.Length;
        }
        at.Should().Be(file.Length);
    }

    private delegate void WriteValue<T>(Span<byte> bytes, T value);

    private static byte[] Read<T>(SafeTensorsReader reader, SafeTensorsEntry entry, WriteValue<T> write) where T : unmanaged, INumber<T>
    {
        var values = new T[entry.Count];
        reader.Read<T>(entry.Name, values);
        var bytes = new byte[entry.ByteLength];
        for (int i = 0; i < values.Length; i++)
            write(bytes.AsSpan(i * (bytes.Length / values.Length)), values[i]);
        return bytes;
    }

    /// <summary>The rules of the format once more, plainly: any size of number, no thought of memory.</summary>
    private static bool IsValid(byte[] file)
    {
        if (file.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(file) is var length && (length > 100_000_000 || length > (ulong)(file.Length - 8)))
            return false;
        ReadOnlyMemory<byte> header = file.AsMemory(8, (int)length);
        if (header.IsEmpty || header.Span[0] != '{')
            return false;
        try
        {
            new UTF8Encoding(false, throwOnInvalidBytes: true).GetCharCount(header.Span);
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 1000 });
            return IsValid(json.RootElement, file.Length - 8 - (int)length);
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            return false;
        }
    }

    private static bool IsValid(JsonElement root, int dataLength)
    {
        var names = root.EnumerateObject().Select(property => property.Name).ToList();
        if (names.Distinct().Count() != names.Count || names.Exists(name => name.Contains('\0')))
            return false;
        if (root.TryGetProperty("__metadata__", out var metadata))
        {
            var texts = metadata.EnumerateObject().Select(property => (Key: property.Name, Value: property.Value.GetString())).ToList();
            if (texts.DistinctBy(text => text.Key).Count() != texts.Count || texts.Exists(text => text.Value is null || (text.Key + text.Value).Contains('\0')))
                return false;
        }

        var extents = new List<(BigInteger Begin, BigInteger End)>();
        foreach (var tensor in root.EnumerateObject().Where(property => property.Name != "__metadata__"))
        {
            if (!tensor.Value.EnumerateObject().Select(field => field.Name).Order().SequenceEqual(["data_offsets", "dtype", "shape"])
                || SafeTensorsTypes.Parse(tensor.Value.GetProperty("dtype").GetString()!) is not { } type)
                return false;
            var shape = tensor.Value.GetProperty("shape").EnumerateArray().Select(Integer).ToList();
            var offsets = tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(Integer).ToList();
            if (offsets.Count != 2 || shape.Count > 64
                || shape.Where(size => !size.IsZero).Aggregate(BigInteger.One, (a, b) => a * b) * Math.Max(8, type.Bits()) / 8 > long.MaxValue)
                return false;
            BigInteger bits = shape.Aggregate(BigInteger.One, (a, b) => a * b) * type.Bits();
            if (8 * (offsets[1] - offsets[0]) != bits)
                return false;
            extents.Add((offsets[0], offsets[1]));
        }
        extents.Sort();
        return extents.Select(extent => extent.Begin).Append(dataLength).SequenceEqual(extents.Select(extent => extent.End).Prepend(0));
    }

    private static BigInteger Integer(JsonElement number)
    {
        string text = number.ValueKind == JsonValueKind.Number ? number.GetRawText() : "";
        return text.Length is > 0 and < 20 && text.All(char.IsAsciiDigit) && BigInteger.Parse(text, null) is var value && value <= long.MaxValue ? value : throw new FormatException();
    }
}
