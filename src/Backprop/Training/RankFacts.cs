using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>What must be the same on every rank so that they compute the same: the library, what the machine does with numbers, and where the training stands.</summary>
internal static class RankFacts
{
    /// <summary>All of them, those that say most first.</summary>
    /// <param name="loop">What trains.</param>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">The optimizer of its parameters.</param>
    /// <param name="generators">What is drawn from.</param>
    /// <param name="settings">What was chosen.</param>
    internal static Dictionary<string, string> Of<T>(string loop, Layer<T> model, Optimizer<T> optimizer, IEnumerable<Generator> generators, Dictionary<string, string> settings) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var facts = new Dictionary<string, string>
        {
            ["training loop"] = loop,
            ["version of Backprop"] = $"{typeof(RankFacts).Assembly.GetName().Version}, {typeof(RankFacts).Module.ModuleVersionId:N}",
            ["processor"] = $"{RuntimeInformation.ProcessArchitecture}",
            ["fused multiply-add"] = Fma.IsSupported || AdvSimd.Arm64.IsSupported ? "yes" : "no",
            ["functions of the system"] = OfSystem(),
        };
        foreach (var (name, value) in settings) facts[name] = value;
        facts["frozen"] = Frozen(model);
        facts["parameters"] = Hash(hash =>
        {
            foreach (var (_, parameter) in model.NamedParameters()) hash.AppendData(MemoryMarshal.AsBytes((ReadOnlySpan<T>)parameter.Values));
        });
        facts["buffers"] = Hash(hash =>
        {
            foreach (var (_, buffer) in model.NamedBuffers()) Append(hash, buffer);
        });
        var state = optimizer.GetState();
        facts["optimizer's state"] = Hash(hash =>
        {
            foreach (var (_, number) in state.Numbers.OrderBy(number => number.Key, StringComparer.Ordinal)) hash.AppendData(BitConverter.GetBytes(number));
            foreach (var (_, array) in state.Arrays.OrderBy(array => array.Key, StringComparer.Ordinal)) hash.AppendData(MemoryMarshal.AsBytes<T>(array));
        });
        AddGenerators(facts, generators);
        return facts;
    }

    /// <summary>What ranks that were the same still have in common after each step, by name; what is not, has been changed on one of them alone.</summary>
    /// <param name="place">Where in the program that is.</param>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">The optimizer of its parameters.</param>
    /// <param name="generators">What is drawn from.</param>
    internal static Dictionary<string, string> Now<T>(string place, Layer<T> model, Optimizer<T> optimizer, IEnumerable<Generator> generators) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var facts = new Dictionary<string, string> { [ShardExchange.Place] = place, ["frozen"] = Frozen(model) };
        foreach (var (name, parameter) in model.NamedParameters()) facts[$"parameter {name}"] = Hash(hash => hash.AppendData(MemoryMarshal.AsBytes((ReadOnlySpan<T>)parameter.Values)));
        foreach (var (name, buffer) in model.NamedBuffers()) facts[$"buffer {name}"] = Hash(hash => Append(hash, buffer));
        var state = optimizer.GetState();
        foreach (var (name, number) in state.Numbers) facts[$"optimizer {name}"] = FormattableString.Invariant($"{number:R}");
        foreach (var (name, array) in state.Arrays) facts[$"optimizer {name}"] = Hash(hash => hash.AppendData(MemoryMarshal.AsBytes<T>(array)));
        AddGenerators(facts, generators);
        return facts;
    }

    /// <summary>Shapes and values of a batch.</summary>
    internal static string Of<T>(Batch<T> batch) where T : unmanaged, IFloatingPointIeee754<T> => FormattableString.Invariant($"{Operand.Shape(batch.X)} -> {Operand.Shape(batch.Y)}, ") + Hash(hash =>
    {
        foreach (var matrix in (ReadOnlySpan<Matrix<T>?>)[batch.X, batch.Y, batch.Weights]) hash.AppendData(MemoryMarshal.AsBytes<T>(matrix?.ToColumnMajorArray() ?? []));
        hash.AppendData(MemoryMarshal.AsBytes(batch.Lengths.Span));
    });

    private static void Append<T>(IncrementalHash hash, Buffer<T> buffer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        hash.AppendData(MemoryMarshal.AsBytes((ReadOnlySpan<T>)buffer.Values));
        if (buffer is CounterBuffer<T> counter) hash.AppendData(BitConverter.GetBytes(counter.Value));
    }

    /// <summary>The names of what is: it is left out of what ranks add.</summary>
    private static string Frozen<T>(Layer<T> model) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var names = string.Join(", ", [.. model.NamedParameters().Where(named => named.Parameter.Frozen).Select(named => named.Name), .. model.NamedBuffers().Where(named => named.Buffer.Frozen).Select(named => named.Name)]);
        return names.Length == 0 ? "nothing" : names;
    }

    private static void AddGenerators(Dictionary<string, string> facts, IEnumerable<Generator> generators)
    {
        foreach (var (i, generator) in generators.Index()) facts[FormattableString.Invariant($"generator {i}")] = Hash(hash => hash.AppendData(generator.GetState()));
    }

    /// <summary>The powers of Adam's corrections and a scheduler's cosine come from the system's library, and no standard says their last bit.</summary>
    private static string OfSystem() => Hash(hash =>
    {
        for (var i = 1; i <= 64; i++)
        {
            foreach (var value in (ReadOnlySpan<double>)[Math.Pow(0.999, i), Math.Pow(0.9, 7 * i), Math.Cos(0.37 * i), Math.Exp(-0.31 * i), Math.Log(1.7 * i)])
                hash.AppendData(BitConverter.GetBytes(value));
        }
    });

    private static string Hash(Action<IncrementalHash> append)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        append(hash);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }
}
