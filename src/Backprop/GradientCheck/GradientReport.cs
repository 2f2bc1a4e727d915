using System.Text;

namespace Backprop;

/// <summary>What <see cref="GradientCheck"/> found.</summary>
public sealed class GradientReport
{
    private readonly string _against;

    internal GradientReport(string subject, IReadOnlyList<GradientComparison> comparisons, IReadOnlyList<string> problems, string against = "finite differences", Exception? exception = null) =>
        (Subject, Comparisons, Problems, _against, Exception) = (subject, comparisons, problems, against, exception);

    /// <summary>The layer or loss.</summary>
    public string Subject { get; }

    /// <summary>One comparison for the input and for each parameter, a shared one once; none where the layer failed before there was anything to compare.</summary>
    public IReadOnlyList<GradientComparison> Comparisons { get; }

    /// <summary>What else is wrong, in words: wrong shapes, entries that were not written, gradients that are set instead of added, changed operands.</summary>
    public IReadOnlyList<string> Problems { get; }

    /// <summary>The first exception among the <see cref="Problems"/>, with the place where it was thrown; null where there was none.</summary>
    public Exception? Exception { get; }

    /// <summary>Whether every gradient agrees and nothing else is wrong.</summary>
    public bool Passed => Problems.Count == 0 && Comparisons.All(comparison => comparison.Passed);

    /// <summary>Throws when something is wrong, with <see cref="ToString"/> as the message.</summary>
    /// <exception cref="GradientCheckException">A gradient disagrees or something else is wrong.</exception>
    public void ThrowIfFailed()
    {
        if (!Passed) throw Exception is null ? new GradientCheckException(ToString()) : new GradientCheckException(ToString(), Exception);
    }

    /// <summary>The findings in words, a line each.</summary>
    public override string ToString()
    {
        var verdict = Passed ? $"every gradient agrees with {_against}."
            : Comparisons.All(comparison => comparison.Passed) ? "it would go wrong in training."
            : "the backward pass is wrong.";
        var text = new StringBuilder($"{Subject}: {verdict}");
        foreach (var comparison in Comparisons) text.Append("\n  ").Append(comparison);
        foreach (var problem in Problems) text.Append("\n  ").Append(problem);
        return text.ToString();
    }
}
