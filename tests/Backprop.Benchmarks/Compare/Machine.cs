using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using TorchSharp;

namespace Backprop.Benchmarks;

/// <summary>What the numbers were measured on.</summary>
internal static class Machine
{
    /// <summary>The processor: times of two such machines may be compared.</summary>
    public static string Name => $"{Processor}, {Environment.ProcessorCount} logical processors, {Simd}";

    public static string[] Description =>
    [
        Name,
        $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}",
        $"TorchSharp {typeof(torch).Assembly.GetName().Version!.ToString(3)}, libtorch {torch.__version__}, ONNX Runtime {Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetVersionString()}",
    ];

    private static string Processor
    {
        get
        {
            const string CpuInfo = "/proc/cpuinfo";
            var line = File.Exists(CpuInfo) ? File.ReadLines(CpuInfo).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
            return line?.Split(':')[1].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
        }
    }

    private static string Simd => string.Join(" ", new (bool Has, string Name)[]
    {
        (Avx512F.IsSupported, "AVX-512"), (Avx2.IsSupported, "AVX2"), (Fma.IsSupported, "FMA"), (AdvSimd.IsSupported, "AdvSimd"),
    }.Where(set => set.Has).Select(set => set.Name).DefaultIfEmpty("no SIMD"));
}
