namespace Backprop.Explain;

/// <summary>The story of a training, to read: what was found, losses and metrics over the epochs, and every layer over the steps; as text, Markdown and HTML.</summary>
/// <example><code>
/// var report = Backprop.Explain.TrainingReport.Of(trainer.History);
/// Console.WriteLine(report.ToText());
/// </code></example>
public sealed class TrainingReport
{
    /// <summary>Examines a training.</summary>
    /// <param name="record">What is known of it.</param>
    /// <param name="diagnoses">What to look for; <see cref="Diagnosis.All"/> unless given.</param>
    /// <exception cref="ArgumentNullException"><paramref name="record"/> is null.</exception>
    /// <exception cref="ArgumentException">There is a null among the diagnoses.</exception>
    public TrainingReport(TrainingRecord record, IReadOnlyList<Diagnosis>? diagnoses = null)
    {
        ArgumentNullException.ThrowIfNull(record);
        (Record, Diagnoses) = (record, Checked(diagnoses ?? Diagnosis.All, nameof(diagnoses)));
        var found = Diagnoses.Select(diagnosis => (diagnosis.Name, Findings: diagnosis.Examine(record).ToArray())).ToArray();
        Findings = Array.AsReadOnly(found.SelectMany(one => one.Findings).ToArray());
        NotFound = Array.AsReadOnly(found.Where(one => one.Findings.Length == 0).Select(one => one.Name).ToArray());
    }

    /// <summary>What is known of the training.</summary>
    public TrainingRecord Record { get; }

    /// <summary>What was looked for.</summary>
    public IReadOnlyList<Diagnosis> Diagnoses { get; }

    /// <summary>What is wrong; empty where nothing was found.</summary>
    public IReadOnlyList<Finding> Findings { get; }

    /// <summary>The names of what was looked for and not found.</summary>
    public IReadOnlyList<string> NotFound { get; }

    /// <summary>The report of a training of which only the history is known.</summary>
    /// <param name="history">The history.</param>
    /// <exception cref="ArgumentNullException"><paramref name="history"/> is null.</exception>
    public static TrainingReport Of(History history) => new(new TrainingRecord(history));

    /// <summary>As text, in lines of at most 80 characters.</summary>
    public string ToText() => TrainingText.Write(this);

    /// <summary>As Markdown, as GitHub renders it. What layers are called is escaped.</summary>
    public string ToMarkdown() => TrainingMarkdown.Write(this);

    /// <summary>As one HTML page, which needs no other file, no script and no network. What layers are called is escaped.</summary>
    public string ToHtml() => TrainingHtml.Write(this);

    /// <inheritdoc cref="ToText"/>
    public override string ToString() => ToText();

    internal static IReadOnlyList<Diagnosis> Checked(IReadOnlyList<Diagnosis> diagnoses, string parameter)
    {
        ArgumentNullException.ThrowIfNull(diagnoses, parameter);
        Diagnosis[] copy = [.. diagnoses];
        return Array.IndexOf(copy, null) is var i && i < 0 ? Array.AsReadOnly(copy) : throw new ArgumentException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"A report expects diagnoses, but number {i} is null."), parameter);
    }
}
