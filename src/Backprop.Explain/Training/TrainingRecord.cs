namespace Backprop.Explain;

/// <summary>All that is known of a training, for a <see cref="Diagnosis"/> to look at and for a report to show. It does not change when the training goes on.</summary>
public sealed class TrainingRecord
{
    /// <summary>Of a training of which only the history is known.</summary>
    /// <param name="history">The history.</param>
    /// <exception cref="ArgumentNullException"><paramref name="history"/> is null.</exception>
    public TrainingRecord(History history)
    {
        ArgumentNullException.ThrowIfNull(history);
        History = history;
    }

    /// <summary>The epochs.</summary>
    public History History { get; }

    /// <summary>The model as its constructor reads; null where it is not known.</summary>
    public string? Model { get; init; }

    /// <summary>The loss, such as <c>MSELoss()</c>; null where it is not known.</summary>
    public string? Loss { get; init; }

    /// <summary>The optimizer; null where it is not known.</summary>
    public string? Optimizer { get; init; }

    /// <summary>The layers that were followed, first to last.</summary>
    public IReadOnlyList<LayerRecord> Layers { get; init; } = [];

    /// <summary>The steps that were looked at, first to last. In a long training they are thinned out, so that they lie evenly over all of it.</summary>
    public IReadOnlyList<TrainingSample> Samples { get; init; } = [];

    /// <summary>Steps that the story saw, looked at or not.</summary>
    public int Steps { get; init; }

    /// <summary>The first step that could not be taken; null where there was none.</summary>
    public TrainingFailure? Failure { get; init; }

    /// <summary>The loss of the best prediction that is the same for every sample, such as the mean of the targets; null where it is not known.</summary>
    public double? ConstantLoss { get; init; }

    /// <summary>The classes, where the model tells classes apart; empty elsewhere.</summary>
    public IReadOnlyList<ClassRecord> Classes { get; init; } = [];

    /// <summary>Samples after which a class that was not predicted, or a unit that gave nothing, counts as one that never does.</summary>
    public long Window { get; init; }

    /// <summary>Whether the trainer brings the best weights back after it has stopped early.</summary>
    public bool RestoresBest { get; init; }

    /// <summary>Numbers that the model learns and that are not frozen; null where it is not known.</summary>
    public long? Learning { get; init; }

    /// <summary>Numbers of the model that are frozen.</summary>
    public long Frozen { get; init; }

    /// <summary>Something of a layer over the steps that were looked at, without those at which it was not known.</summary>
    /// <param name="layer">The number of the layer in <see cref="Layers"/>.</param>
    /// <param name="of">What: <c>sample => sample.Update</c>.</param>
    /// <param name="from">Where to begin, as a share of the steps looked at: 0.5 for the second half.</param>
    /// <exception cref="ArgumentNullException"><paramref name="of"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer.</exception>
    public IReadOnlyList<double> Of(int layer, Func<LayerSample, double> of, double from = 0)
    {
        ArgumentNullException.ThrowIfNull(of);
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, Layers.Count);
        return [.. Later(from).Select(sample => of(sample.Layers[layer])).Where(value => !double.IsNaN(value))];
    }

    /// <summary>The steps that were looked at, from a share of them on.</summary>
    /// <param name="from">Where to begin: 0.5 for the second half.</param>
    public IEnumerable<TrainingSample> Later(double from) => Samples.Skip((int)(Samples.Count * Math.Clamp(from, 0, 1)));

    /// <summary>By how much something of the epochs is lower in the last quarter of them than in the one before, on average.</summary>
    /// <param name="of">What: <c>epoch => epoch.TrainingLoss</c>.</param>
    /// <returns>The fall, negative where it rises; 0 of less than 2 epochs.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="of"/> is null.</exception>
    public double FallsBy(Func<EpochResult, double> of)
    {
        ArgumentNullException.ThrowIfNull(of);
        var epochs = History.Epochs;
        if (epochs.Count < 2) return 0;
        var quarter = Math.Max(epochs.Count / 4, 1);
        return epochs.Skip(epochs.Count - 2 * quarter).Take(quarter).Average(of) - epochs.Skip(epochs.Count - quarter).Average(of);
    }

    /// <summary>The value in the middle; NaN of none. An outlier at one step does not move it.</summary>
    /// <param name="values">The values.</param>
    /// <exception cref="ArgumentNullException"><paramref name="values"/> is null.</exception>
    public static double Median(IEnumerable<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var sorted = values.Where(value => !double.IsNaN(value)).Order().ToArray();
        if (sorted.Length == 0) return double.NaN;
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : sorted[middle - 1] / 2 + sorted[middle] / 2;
    }
}
