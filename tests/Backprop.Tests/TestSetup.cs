using System.Runtime.CompilerServices;
using Backprop.Torch;
using TorchSharp;

namespace Backprop.Tests;

internal static class TestSetup
{
#pragma warning disable CA2255 // A test may use TorchSharp before it uses anything of ours.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void PrepareTorch()
    {
        TorchNative.EnsureLoadable();
        torch.set_num_threads(1);       // the tests already run side by side
    }
}
