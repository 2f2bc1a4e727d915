namespace Backprop.Explain;

/// <summary>Looks for one illness of a training. Subclass it to look for another, and put it into the list that a story or a report is given.</summary>
/// <remarks>It must be silent about a healthy training, also a short, a small and an unusual one: a report that cries wolf is not read.</remarks>
/// <example><code>
/// public sealed class TooFewEpochs : Backprop.Explain.Diagnosis
/// {
///     public override string Name => "too few epochs";
///
///     public override IEnumerable&lt;Backprop.Explain.Finding&gt; Examine(Backprop.Explain.TrainingRecord record)
///     {
///         if (record.History.Epochs.Count &lt; 3) yield return new("The training is short", $"It has {record.History.Epochs.Count} epochs.", "Train on.");
///     }
/// }
/// </code></example>
public abstract class Diagnosis
{
    /// <summary>All that the library has, in the order in which a report tells them: what stops a training first, then where the cause may lie, then what came of it.</summary>
    public static IReadOnlyList<Diagnosis> All { get; } = Array.AsReadOnly<Diagnosis>(
    [
        new NonFiniteNumber(), new EverythingFrozen(), new InputScale(), new SymmetricUnits(), new DeadUnits(), new SaturatedUnits(), new VanishingGradient(), new ExplodingGradient(), new UnmovedLayer(),
        new LearningRateTooHigh(), new LearningRateTooLow(), new NoLearning(), new ConstantOutput(), new MissingClasses(), new Overfitting(),
    ]);

    /// <summary>What it looks for, in a few words: <c>dead units</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Looks.</summary>
    /// <param name="record">What is known of the training. Any part of it may be missing: there may be no epoch, no sample, no layer.</param>
    /// <returns>What it finds, nothing where all is well.</returns>
    public abstract IEnumerable<Finding> Examine(TrainingRecord record);

    /// <inheritdoc/>
    public override string ToString() => Name;

    private protected static string Upper(string text) => $"{char.ToUpperInvariant(text[0])}{text[1..]}";
}
