using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Backprop.Benchmarks;

/// <summary>A fresh process that builds 64-32-10 and takes its first training step: from the start of the process to the end of the step.</summary>
internal static class ColdStart
{
    public const string Argument = "--cold-start-child";
    public static Network Network { get; } = new(32, 64, 32, 10);

    /// <summary>Seconds from the start of the process to the end of the first step, for both sides in turns.</summary>
    public static Turns Measure(int times)
    {
        double[] ours = new double[times], theirs = new double[times];
        Start("ours");      // the first time, the files come from the disk
        Start("torch");
        for (var i = 0; i < times; i++)
        {
            ours[i] = Start("ours");
            theirs[i] = Start("torch");
        }

        return new Turns(ours, theirs);
    }

    /// <summary>What the child does: the step, and the time since its parent started it.</summary>
    public static int Child(string side, string startedAt)
    {
        if (side == "ours") Ours();
        else Torch();
        var elapsed = Stopwatch.GetElapsedTime(long.Parse(startedAt, CultureInfo.InvariantCulture));
        Console.WriteLine(elapsed.TotalSeconds.ToString("R", CultureInfo.InvariantCulture));
        return 0;
    }

    // Each in a method of its own, so that compiling the one does not load the other's assemblies.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Ours()
    {
        using var step = new OurStep<float>(Network);
        step.Step();
    }

    // Nothing of ours either: TorchSharp draws its own weights.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Torch()
    {
        Backprop.Torch.TorchNative.EnsureLoadable();
        using var step = new TorchStep<float>(
            nn.Sequential(nn.Linear(Network.Sizes[0], Network.Sizes[1]), nn.Sigmoid(), nn.Linear(Network.Sizes[1], Network.Sizes[2])),
            torch.rand(Network.Batch, Network.Sizes[0]), torch.rand(Network.Batch, Network.Sizes[2]));
        step.Step();
    }

    private static double Start(string side)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(typeof(ColdStart).Assembly.Location);
        start.ArgumentList.Add(Argument);
        start.ArgumentList.Add(side);
        start.ArgumentList.Add(Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture));     // the clock is the machine's, not the process's
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? double.Parse(output, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"The cold start of {side} ended with exit code {process.ExitCode}.");
    }
}
