using Backprop.Torch;
using Spectre.Console;
using TorchSharp;

namespace Backprop.Walkthrough;

/// <summary>Two trainings from the same weights, ours and PyTorch's, step by step: how far their losses are apart, and from where on rounding has made them differ.</summary>
internal static class SideBySide
{
    /// <summary>Steps in which the losses are PyTorch's in double. A float's rounding is seen from the first step on, and grows.</summary>
    public const int ProvenSteps = 200, ProvenStepsOfFloats = 20;

    /// <summary>Steps that are looked at.</summary>
    public const int ComparedSteps = 400;

    /// <summary>What there is to say where PyTorch draws other masks.</summary>
    public const string OtherMasks = "This PyTorch was built with Intel's MKL and draws dropout's masks by Intel's own generator: the losses cannot be the same.";

    private static readonly int[] Shown = [1, 2, 5, 10, 20, 50, 100, 200, 300, 400];

    /// <summary>Whether PyTorch draws dropout's masks by the rule that <see cref="Generator.Bernoulli{T}(Span{T}, double)"/> has; a build with Intel's MKL draws by another one on Intel's processors.</summary>
    public static bool DrawsSameMasks()
    {
        TorchNative.EnsureLoadable();
        var ours = new double[64];
        new Generator(1).Bernoulli<double>(ours, 0.5);
        torch.manual_seed(1);
        using var theirs = torch.empty([64], torch.float64).bernoulli_(0.5);
        return theirs.data<double>().ToArray().AsSpan().SequenceEqual(ours);
    }

    /// <summary>Runs both and shows what came of it.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="isFloat">Whether the numbers are floats.</param>
    /// <param name="steps">Our loss and PyTorch's of each step.</param>
    /// <returns>Whether the losses are PyTorch's.</returns>
    public static bool Compare(IAnsiConsole console, bool isFloat, IEnumerable<(double Ours, double Theirs)> steps)
    {
        var (limit, proven) = isFloat ? (1e-4, ProvenStepsOfFloats) : (1e-9, ProvenSteps);
        var differences = new List<double>();
        var table = Screen.NewTable("step", "loss by hand", "loss in PyTorch", "relative difference");
        DigitsCommand.WithProgress(console, "PyTorch", ComparedSteps, show =>
        {
            foreach (var (ours, theirs) in steps.Take(ComparedSteps))
            {
                var difference = Math.Abs(ours - theirs) / Math.Abs(theirs);
                differences.Add(double.IsNaN(difference) ? double.PositiveInfinity : difference);
                if (Shown.Contains(differences.Count)) table.AddRow($"{differences.Count}", Screen.Short(ours, 14), Screen.Short(theirs, 14), Screen.Size(difference));
                show(differences.Count, "PyTorch");
            }
        });
        console.Write(table);
        var (largest, beyond) = (differences.Take(proven).DefaultIfEmpty(double.PositiveInfinity).Max(), differences.FindIndex(difference => difference > limit));
        var count = Math.Min(proven, differences.Count);
        console.Verdict(largest <= limit, $"The losses of the first {count} steps are PyTorch's (largest relative difference {Screen.Size(largest)}).", $"The losses of the first {count} steps are not PyTorch's (largest relative difference {Screen.Size(largest)}).");
        console.Say(beyond < 0
            ? $"Nor is any of {differences.Count} further away than {Screen.Size(limit)}."
            : $"In step {beyond + 1} they are further apart than {Screen.Size(limit)} for the first time: each step rounds, and the next one builds on it.");
        console.WriteLine();
        return largest <= limit;
    }
}
