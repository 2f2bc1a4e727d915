using TorchSharp;

namespace Backprop.Tests;

/// <summary>PyTorch's generator belongs to the process: whoever seeds it and draws does so alone. <c>using var alone = TorchRandom.Alone(seed);</c></summary>
internal static class TorchRandom
{
    private static readonly SemaphoreSlim One = new(1, 1);

    /// <summary>Waits until nobody else draws, and seeds where a seed is given.</summary>
    public static IDisposable Alone(long? seed = null)
    {
        One.Wait();
        if (seed is long given) torch.manual_seed(given);
        return new End();
    }

    /// <summary>Whether PyTorch draws dropout's masks by the rule that we have; a build with Intel's MKL draws by another one on Intel's processors.</summary>
    public static bool DrawsSameMasks()
    {
        using var alone = Alone();
        return Walkthrough.SideBySide.DrawsSameMasks();
    }

    private sealed class End : IDisposable
    {
        public void Dispose() => One.Release();
    }
}
