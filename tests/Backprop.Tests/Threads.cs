using MathNet.Numerics;

namespace Backprop.Tests;

/// <summary>The number of threads is the process's: who sets it, or counts on it, has it for himself until he is done.</summary>
internal sealed class Threads : IDisposable
{
    private static readonly SemaphoreSlim One = new(1);

    private readonly int _before;

    private Threads(int count)
    {
        One.Wait();
        _before = Control.MaxDegreeOfParallelism;
        Control.MaxDegreeOfParallelism = count;
    }

    public static Threads Of(int count) => new(count);

    public void Dispose()
    {
        Control.MaxDegreeOfParallelism = _before;
        One.Release();
    }
}
