using System.Text;

namespace Backprop;

/// <summary>What <see cref="GradientCheck"/> found.</summary>
public sealed class GradientReport
{
    internal GradientReport(string subject, IReadOnlyList<GradientComparison> comparisons, IReadOnlyList<string> problems) =>
        (Subject, Comparisons, Problems) = (subject, comparisons, problems);

    /// <summary>The layer or loss.</summary>
    public string Subject { get; }

    /// <summary>One comparison for the input and for each parameter.</summary>
    public IReadOnlyList<GradientComparison> Comparisons { get; }

    /// <summary>What else is wrong with the backward pass, in words: gradients that are set instead of added, changed operands.</summary>
    public IReadOnlyList<string> Problems { get; }

    /// <summary>Whether every gradient agrees and nothing else is wrong.</summary>
    public bool Passed => Problems.Count == 0 && Comparisons.All(comparison => comparison.Passed);

    /// <summary>Throws when something is wrong, with <see cref="ToString"/> as the message.</summary>
    /// <exception cref="GradientCheckException">A gradient disagrees or the backward pass misbehaves.</exception>
    public void ThrowIfFailed()
    {
        if (!Passed) throw new GradientCheckException(ToString());
    }

    /// <summary>The findings in words, a line each.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{Subject}: {(Passed ? "every gradient agrees with finite differences." : "the backward pass is wrong.")}");
        foreach (var comparison in Comparisons) text.Append("\n  ").Append(comparison);
        foreach (var problem in Problems) text.Append("\n  ").Append(problem);
        return text.ToString();
    }
}
