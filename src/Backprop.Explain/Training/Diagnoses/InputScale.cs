using static System.FormattableString;

namespace Backprop.Explain;

/// <summary>Columns of the data that are far from the scale for which layers are initialised.</summary>
/// <remarks>A column with a mean or a standard deviation of 100 or more in size. Initial weights, and the step that a learning rate of 0.001 takes, are made for inputs of about 1 (Y. LeCun et al.,
/// Efficient BackProp, 1998, section 4.3): the gradient of a weight is as large as its input, so the curvature along it is 10,000 times that of a column of 1.</remarks>
public sealed class InputScale : Diagnosis
{
    private const double Large = 100;

    /// <inheritdoc/>
    public override string Name => "inputs of a huge scale";

    /// <inheritdoc/>
    public override IEnumerable<Finding> Examine(TrainingRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        foreach (var layer in record.Layers.Where(layer => layer.Inputs is not null))
        {
            var columns = layer.Inputs!.Select((column, index) => (Index: index, Column: column, Size: Math.Max(Math.Abs(column.Mean), column.StandardDeviation))).ToArray();
            var large = columns.Where(column => column.Size >= Large).OrderByDescending(column => column.Size).ToArray();
            if (large.Length == 0) continue;
            var shown = large.Take(3).Select(column => Invariant($"column {column.Index} has mean {Say.Number(column.Column.Mean)} and standard deviation {Say.Number(column.Column.StandardDeviation)}")).ToArray();
            var small = columns.MinBy(column => column.Size);
            yield return new($"{Upper(layer.Name)} is given inputs of a huge scale",
                $"{large.Length} of its {columns.Length} columns {(large.Length == 1 ? "has" : "have")} a mean or a standard deviation of 100 or more: {Say.List(shown)}{(small.Size < Large ? Invariant($"; the smallest, column {small.Index}, has {Say.Number(small.Column.Mean)} and {Say.Number(small.Column.StandardDeviation)}") : "")}.",
                "Bring each column to mean 0 and deviation 1: put a Standardize that was fitted to the training samples before the layer.")
            { Layer = layer.Path };
        }
    }
}
