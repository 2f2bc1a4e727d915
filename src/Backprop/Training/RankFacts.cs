using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;

namespace Backprop;

/// <summary>What must be the same on every rank so that they compute the same: the library, what the machine does with numbers, and where the training stands.</summary>
internal static class RankFacts
{
    /// <summary>The facts that no setting says.</summary>
    internal static Dictionary<string, string> Of<T>(Layer<T> model, Optimizer<T> optimizer, IEnumerable<Generator> generators, Dictionary<string, string> settings) where T : unmanaged, IFloatingPointIeee754<T>
    {
        settings["version of Backprop"] = $"{typeof(RankFacts).Assembly.GetName().Version}, {typeof(RankFacts).Module.ModuleVersionId:N}";
        settings["fused multiply-add"] = Fma.IsSupported || AdvSimd.Arm64.IsSupported ? "yes" : "no";
        settings["processor"] = $"{RuntimeInformation.ProcessArchitecture}";
        settings["functions of the system"] = OfSystem();
        settings["parameters"] = Hash(hash =>
        {
            foreach (var (_, parameter) in model.NamedParameters()) hash.AppendData(MemoryMarshal.AsBytes((ReadOnlySpan<T>)parameter.Values));
        });
        settings["buffers"] = Hash(hash =>
        {
            foreach (var (_, buffer) in model.NamedBuffers())
            {
                hash.AppendData(MemoryMarshal.AsBytes((ReadOnlySpan<T>)buffer.Values));
                if (buffer is CounterBuffer<T> counter) hash.AppendData(BitConverter.GetBytes(counter.Value));
            }
        });
        var state = optimizer.GetState();
        settings["optimizer's state"] = Hash(hash =>
        {
            foreach (var (_, number) in state.Numbers.OrderBy(number => number.Key, StringComparer.Ordinal)) hash.AppendData(BitConverter.GetBytes(number));
            foreach (var (_, array) in state.Arrays.OrderBy(array => array.Key, StringComparer.Ordinal)) hash.AppendData(MemoryMarshal.AsBytes<T>(array));
        });
        foreach (var (i, generator) in generators.Index()) settings[FormattableString.Invariant($"generator {i}")] = Hash(hash => hash.AppendData(generator.GetState()));
        return settings;
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
