using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Backprop.Torch;
using TorchSharp;

namespace Backprop.Tests;

internal static partial class TestSetup
{
    // What TorchSharp-cpu has an engine for. There it must load: else a broken restore would skip the whole proof and stay green.
    private static readonly string[] Supported = ["linux-x64", "win-x64", "osx-arm64"];

    /// <summary>Why there is no PyTorch here; null where there is.</summary>
    public static string? TorchIsMissing { get; private set; }

#pragma warning disable CA2255 // A test may use TorchSharp before it uses anything of ours.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void PrepareTorch()
    {
        Narrow();
        var platform = $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.ProcessArchitecture}".ToLowerInvariant();
        if (!Supported.Contains(platform) || Environment.GetEnvironmentVariable("BACKPROP_WITHOUT_TORCH") is not null)
        {
            TorchIsMissing = $"TorchSharp-cpu has no PyTorch for {platform}.";
            return;
        }

        TorchNative.EnsureLoadable();
        torch.set_num_threads(1);       // the tests already run side by side
    }

    /// <summary>
    /// PyTorch's convolutions of float are oneDNN's, whose kernels for AVX2 and AVX-512 (3.7.1) give wrong numbers on some virtual processors: seen on an AMD EPYC with AVX-512, where the same
    /// calls are right for double, and with SSE 4.1. The oracle has to be right, not fast. The variable is read once, at the first convolution.
    /// </summary>
    private static void Narrow()
    {
        const string Variable = "ONEDNN_MAX_CPU_ISA", Value = "SSE41";
        if (Environment.GetEnvironmentVariable(Variable) is not null) return;
        Environment.SetEnvironmentVariable(Variable, Value);
        if (!OperatingSystem.IsWindows() && SetVariable(Variable, Value, 0) != 0) throw new InvalidOperationException($"{Variable} could not be set.");     // .NET's own is not seen by native code
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
