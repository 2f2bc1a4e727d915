using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Backprop.Torch;
using TorchSharp;

namespace Backprop.Tests;

internal static class TestSetup
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
        var platform = $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.ProcessArchitecture}".ToLowerInvariant();
        if (!Supported.Contains(platform) || Environment.GetEnvironmentVariable("BACKPROP_WITHOUT_TORCH") is not null)
        {
            TorchIsMissing = $"TorchSharp-cpu has no PyTorch for {platform}.";
            return;
        }

        TorchNative.EnsureLoadable();
        torch.set_num_threads(1);       // the tests already run side by side
    }
}
