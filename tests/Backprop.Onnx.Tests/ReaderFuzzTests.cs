using System.Diagnostics;
using FluentAssertions;
using Xunit;
using static Backprop.Onnx.Tests.Wire;

namespace Backprop.Onnx.Tests;

/// <summary>Damaged and hostile files, the same ones in every run. Whatever they are, reading and importing ends with a model or with a documented exception, and takes memory in proportion to the file.</summary>
public sealed class ReaderFuzzTests(ITestOutputHelper output)
{
    private const int FixedBytes = 20_000;      // an exception, its message and its traces
    private const int BytesPerByte = 160;       // the objects of a node of few bytes, and what is known of its values

    private int _inputs, _valid, _imported;
    private double _most;

    [Fact]
    public void Damaged_files_end_in_the_documented_exceptions()
    {
        byte[][] seeds = [.. Seeds()];
        foreach (var seed in seeds)
        {
            for (var length = 0; length < seed.Length; length++) Try(seed[..length]);
            for (var bit = 0; bit < 8 * seed.Length; bit++)
            {
                byte[] file = [.. seed];
                file[bit / 8] ^= (byte)(1 << bit % 8);
                Try(file);
            }
        }

        Mutate(seeds, count: 25_000);
        Scramble(count: 5_000);
        output.WriteLine($"{_inputs} files, {_valid} of them valid, {_imported} imported; at most {_most:F0} bytes allocated beyond {BytesPerByte} for each byte of the file");
        _inputs.Should().BeGreaterThan(50_000);
        _valid.Should().BeInRange(_inputs / 100, _inputs / 2, "both answers must be tried");
        _imported.Should().BeInRange(_valid / 100, _valid / 2);
    }

    /// <summary>Files of megabytes, each of one hostile kind: a quadratic step would take hours, a recursion would end the process.</summary>
    [Theory]
    [InlineData("many nodes")]
    [InlineData("many tensors")]
    [InlineData("many empty axes")]
    [InlineData("many attributes")]
    [InlineData("deep graphs")]
    [InlineData("deep blocks")]
    [InlineData("long name")]
    [InlineData("one name")]
    [InlineData("same input")]
    public void A_large_hostile_file_takes_little_time_and_memory(string kind)
    {
        const int Many = 50_000;
        byte[] x = Port(11, "x", -1, 2), y = Port(12, "y", -1, 2), relu = Node("Relu", "x", "y");
        byte[] Repeat(Func<int, byte[]> part) => [.. Enumerable.Range(0, Many).SelectMany(part)];
        byte[] file = kind switch
        {
            "many nodes" => Model(Repeat(i => Node("Relu", i == 0 ? "x" : $"{i}", i == Many - 1 ? "y" : $"{i + 1}")), x, y),
            "many tensors" => Model(relu, Repeat(i => Tensor(5, $"{i}", 1, [0])), x, y),
            "many empty axes" => Model(relu, Block(5, Repeat(_ => Number(1, 0)), Number(2, 1), Text(8, "w")), x, y),
            "many attributes" => Model(Node("Relu", "x", "y", Repeat(i => Block(5, Text(1, $"{i}"), Number(3, 1), Number(20, 2)))), x, y),
            "deep graphs" => Model(Nested(2000, inner => Node("If", "x", "y", Block(5, Text(1, "a"), Block(6, inner), Number(20, 5))), relu), x, y),
            "deep blocks" => Nested(2000, inner => Block(7, inner), relu),
            "long name" => Model(Node(new string('R', 4_000_000), "x", "y"), x, y),
            "one name" => Model(Repeat(_ => relu), x, y),
            "same input" => Model(Node("Sum", "x", "y", Repeat(_ => Text(1, "x"))), x, y),
            _ => throw new ArgumentException(kind, nameof(kind)),
        };
        var watch = Stopwatch.StartNew();
        Try(file);
        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20));

        static byte[] Nested(int levels, Func<byte[], byte[]> around, byte[] inner)
        {
            for (var i = 0; i < levels; i++) inner = around(inner);
            return inner;
        }
    }

    private static IEnumerable<byte[]> Seeds()
    {
        yield return new Sequential<float> { new Linear<float>(2, 1), new ReLU<float>() }.ToOnnx();
        yield return new LSTM<double>(1, 1, 2).ToOnnx(options: new() { Opset = 17 });
        yield return Model(
            Node("Reshape", "x", "a", Text(1, "s")), Node("MatMul", "a", "b", Text(1, "w")), Node("Softmax", "b", "y", Block(5, Text(1, "axis"), Number(3, 1), Number(20, 2))),
            Tensor(5, "s", 7, [2], 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0), Tensor(5, "w", 1, [1, 2], 0, 0, 128, 63, 0, 0, 0, 64), Port(11, "x", -1, 1), Port(12, "y", -1, 2));
        yield return new Conv2d<float>(new(1, 2, 2), 1, 2).ToOnnx();
    }

    /// <summary>Some bytes replaced, inserted, removed or moved.</summary>
    private void Mutate(byte[][] seeds, int count)
    {
        var random = new Random(1);
        byte[] telling = [0, 1, 2, 5, 8, 10, 18, 42, 58, 66, 74, 127, 128, 255, (byte)'x', (byte)'y'];
        for (var i = 0; i < count; i++)
        {
            List<byte> file = [.. seeds[random.Next(seeds.Length)]];
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var at = random.Next(file.Count);
                switch (random.Next(5))
                {
                    case 0: file[at] = telling[random.Next(telling.Length)]; break;
                    case 1: file[at] = (byte)(file[at] + random.Next(3) - 1); break;
                    case 2: file.Insert(at, telling[random.Next(telling.Length)]); break;
                    case 3: file.RemoveAt(at); break;
                    default: file.InsertRange(random.Next(file.Count), file.GetRange(at, random.Next(file.Count - at))); break;
                }
            }

            Try([.. file]);
        }
    }

    private void Scramble(int count)
    {
        var random = new Random(3);
        for (var i = 0; i < count; i++)
        {
            var file = new byte[random.Next(200)];
            random.NextBytes(file);
            Try(random.Next(2) == 0 ? file : Model(file));
        }
    }

    private static (bool Valid, Exception? Refusal, long Allocated) Open(byte[] file)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Exception? refusal = null;
        try
        {
            Reader.Read(file);
        }
        catch (Exception e)
        {
            refusal = e;
        }

        return (refusal is null, refusal, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private void Try(byte[] file)
    {
        _inputs++;
        var (valid, refusal, allocated) = Open(file);
        if (refusal is not (null or InvalidDataException or NotSupportedException)) Assert.Fail($"The reader said {refusal}: {Convert.ToHexString(file)}");
        if (allocated - (double)BytesPerByte * file.Length > FixedBytes) (valid, refusal, allocated) = Open(file);      // the runtime allocates, too, once
        _most = Math.Max(_most, allocated - (double)BytesPerByte * file.Length);
        if (_most > FixedBytes) Assert.Fail($"{allocated} bytes were allocated for {file.Length}, {refusal?.Message}: {Convert.ToHexString(file.AsSpan(0, Math.Min(file.Length, 1000)))}");
        if (!valid) return;
        _valid++;
        try
        {
            OnnxImport.Load<float>(new MemoryStream(file));
            _imported++;
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or ArgumentException { ParamName: "output" or "inputShape" })
        {
            // It is no chain.
        }
    }
}
