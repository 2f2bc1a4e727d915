namespace Backprop.Explain;

/// <summary>A column of the data that the model was given.</summary>
/// <param name="Mean">Its mean over the samples that were looked at.</param>
/// <param name="StandardDeviation">Its standard deviation over them.</param>
public readonly record struct ColumnRecord(double Mean, double StandardDeviation);
