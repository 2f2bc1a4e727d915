using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>The loss of the best prediction that is the same for every sample. The loss itself says what it is worth, so weights and ignored samples count as they do in training.</summary>
internal static class ConstantPrediction
{
    private const long MostEntries = 20_000_000;    // beyond, a report would take seconds for one number

    /// <summary>That loss on the training samples; null where these are not at hand, weigh differently, or it is not known what is best for such a loss.</summary>
    internal static double? LossOf<T>(Trainer<T> trainer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (trainer.Training is not Batches<T> { Samples: { Weights: null, Count: > 0 } samples } batches || batches.SamplingWeights is not null || trainer.Loss.Reduction != Reduction.Mean) return null;
        var y = samples.Y;
        Func<int, double>? constant = trainer.Loss switch
        {
            MSELoss<T> => column => Mean(y, column),
            L1Loss<T> or SmoothL1Loss<T> or HuberLoss<T> => column => Middle(y, column),
            BCELoss<T> => column => Mean(y, column),
            BCEWithLogitsLoss<T> => column => Logit(Mean(y, column)),
            ClassificationLoss<T> loss and (CrossEntropyLoss<T> or NLLLoss<T>) => LogShares(loss, y, trainer.Pass, samples.X.ColumnCount),
            _ => null,
        };
        if (constant is null) return null;
        var columns = trainer.Loss is ClassificationLoss<T> ? trainer.Model.OutputColumns(samples.X.ColumnCount) : y.ColumnCount;
        if ((long)y.RowCount * columns > MostEntries) return null;
        var row = new T[columns];
        for (var j = 0; j < columns; j++) row[j] = T.CreateTruncating(constant(j));
        var value = double.CreateTruncating(trainer.Loss.Forward(Matrix<T>.Build.Dense(y.RowCount, columns, (_, j) => row[j]), y));
        return double.IsFinite(value) ? value : null;
    }

    // Of classes, the logarithm of each one's share: cross-entropy is least there.
    private static Func<int, double> LogShares<T>(ClassificationLoss<T> loss, Matrix<T> y, ForwardPass<T> pass, int inputs) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var classes = pass.Layer.OutputColumns(inputs);
        var shares = new double[classes];
        if (y.ColumnCount > 1)
            for (var j = 0; j < Math.Min(classes, y.ColumnCount); j++) shares[j] = Mean(y, j);
        else
            foreach (var entry in Norms.Entries(y))
                if (double.CreateTruncating(entry) is var c && c >= 0 && c < classes && (int)c != loss.IgnoreIndex) shares[(int)c] += loss.Weight is { } weights ? double.CreateTruncating(weights[(int)c]) : 1;
        var sum = shares.Sum();
        return j => Math.Log(Math.Max(shares[j] / sum, 1e-30));
    }

    private static double Mean<T>(Matrix<T> y, int column) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = 0.0;
        foreach (var entry in Norms.Entries(y).Slice(column * y.RowCount, y.RowCount)) sum += double.CreateTruncating(entry);
        return sum / y.RowCount;
    }

    private static double Middle<T>(Matrix<T> y, int column) where T : unmanaged, IFloatingPointIeee754<T> =>
        TrainingRecord.Median(Norms.Entries(y).Slice(column * y.RowCount, y.RowCount).ToArray().Select(double.CreateTruncating<T>));

    private static double Logit(double p) => Math.Clamp(Math.Log(p / (1 - p)), -50, 50);
}
