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

    /// <summary>Seconds from the start of the process to the end of the first step or prediction, for both sides in turns; and the megabytes that it then held, in the median.</summary>
    public static (Turns Seconds, (double Ours, double Theirs) Megabytes) Measure(string ours, string theirs, int times)
    {
        (double Seconds, double Megabytes)[] first = new (double, double)[times], second = new (double, double)[times];
        Start(ours);        // the first time, the files come from the disk
        Start(theirs);
        for (var i = 0; i < times; i++) (first[i], second[i]) = (Start(ours), Start(theirs));
        return (new Turns([.. first.Select(run => run.Seconds)], [.. second.Select(run => run.Seconds)]), (Median(first), Median(second)));

        static double Median((double Seconds, double Megabytes)[] runs) => runs.Select(run => run.Megabytes).Order().ElementAt(runs.Length / 2);
    }

    /// <summary>What the child does: the step, and the time since its parent started it.</summary>
    public static int Child(string side, string startedAt)
    {
        switch (side)
        {
            case "ours": Ours(); break;
            case "torch": Torch(); break;
            case "serving": Serving(); break;
            default: Onnx(); break;
        }

        var elapsed = Stopwatch.GetElapsedTime(long.Parse(startedAt, CultureInfo.InvariantCulture));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds:R} {Environment.WorkingSet / 1e6:R}"));
        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Serving()
    {
        using var inference = new OurInference<float>(Network with { Batch = 1 });
        inference.Run(1);
    }

    // Its model is made here, too, of the same weights.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Onnx()
    {
        using var inference = new OnnxInference(Network with { Batch = 1 }, threads: 1);
        inference.Run(1);
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

    private static (double Seconds, double Megabytes) Start(string side)
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
            ? (double.Parse(output.Split(' ')[0], CultureInfo.InvariantCulture), double.Parse(output.Split(' ')[1], CultureInfo.InvariantCulture))
            : throw new InvalidOperationException($"The cold start of {side} ended with exit code {process.ExitCode}.");
    }
}
