using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss that compares the scores of C classes, a row for each sample, with the class that each sample has.</summary>
/// <remarks>
/// <para>The target says the classes 0 to C - 1: as integers, or as a matrix of one column. A sample whose class is <see cref="IgnoreIndex"/> counts
/// nowhere: its loss and its gradient are 0.</para>
/// <para>The mean divides by the sum of the weights of the samples' classes; without weights, by the number of samples that are not ignored. When all are
/// ignored it is NaN, with a gradient of 0.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ClassificationLoss<T> : Loss<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private const int Block = 64; // samples whose losses lie on the stack at once

    private readonly T[]? _weight;

    private protected ClassificationLoss(Vector<T>? weight, int ignoreIndex, Reduction reduction) : base(reduction) =>
        (_weight, IgnoreIndex) = (weight?.ToArray(), ignoreIndex);

    /// <summary>The weight of each class; null when they weigh the same.</summary>
    public IReadOnlyList<T>? Weight => _weight;

    /// <summary>The class of samples that count nowhere.</summary>
    public int IgnoreIndex { get; }

    private protected ReadOnlySpan<T> Weights => _weight;

    private protected T WeightOf(int y) => _weight is null ? T.One : _weight[y];

    /// <inheritdoc cref="Loss{T}.Forward"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    public T Forward(Matrix<T> prediction, ReadOnlySpan<int> classes)
    {
        Check(prediction, classes);
        return Reduce(prediction, new ClassTargets<T>(classes));
    }

    /// <inheritdoc cref="Loss{T}.Backward(Matrix{T}, Matrix{T})"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    public Matrix<T> Backward(Matrix<T> prediction, ReadOnlySpan<int> classes)
    {
        Check(prediction, classes);
        var dPrediction = LikePrediction(prediction);
        Differentiate(prediction, new ClassTargets<T>(classes), dPrediction);
        return dPrediction;
    }

    /// <inheritdoc cref="Loss{T}.Backward(Matrix{T}, Matrix{T}, Matrix{T})"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    /// <param name="result">Receives dL/dprediction; dense, of the prediction's shape, and not the prediction.</param>
    public Matrix<T> Backward(Matrix<T> prediction, ReadOnlySpan<int> classes, Matrix<T> result)
    {
        Check(prediction, classes);
        CheckResult(result, prediction.RowCount, prediction.ColumnCount, prediction);
        Differentiate(prediction, new ClassTargets<T>(classes), result);
        return result;
    }

    /// <inheritdoc cref="Loss{T}.Unreduced(Matrix{T}, Matrix{T})"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    public Matrix<T> Unreduced(Matrix<T> prediction, ReadOnlySpan<int> classes)
    {
        Check(prediction, classes);
        var losses = Matrix<T>.Build.Dense(prediction.RowCount, 1);
        Losses(prediction, new ClassTargets<T>(classes), 0, losses.Span());
        return losses;
    }

    /// <inheritdoc cref="Loss{T}.UnreducedBackward(Matrix{T}, Matrix{T}, Matrix{T})"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    /// <param name="dLosses">The gradient with respect to each sample's loss, samples x 1.</param>
    public Matrix<T> UnreducedBackward(Matrix<T> prediction, ReadOnlySpan<int> classes, Matrix<T> dLosses)
    {
        Check(prediction, classes);
        Operand.Exactly(this, dLosses, prediction.RowCount, 1, nameof(dLosses));
        var dPrediction = LikePrediction(prediction);
        Gradient(prediction, new ClassTargets<T>(classes), dLosses.Span(), T.One, dPrediction);
        return dPrediction;
    }

    /// <inheritdoc/>
    protected override void Check(Matrix<T> prediction, Matrix<T> target)
    {
        CheckPrediction(prediction);
        Operand.Exactly(this, target, prediction.RowCount, 1, nameof(target));
        Classes.Check(this, target.Span(), prediction.ColumnCount, IgnoreIndex, nameof(target));
    }

    /// <inheritdoc/>
    protected sealed override int UnreducedColumns(Matrix<T> prediction, Matrix<T> target) => 1;

    /// <inheritdoc/>
    protected sealed override T ForwardCore(Matrix<T> prediction, Matrix<T> target) => Reduce(prediction, TargetsOf(prediction, target));

    /// <inheritdoc/>
    protected sealed override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) =>
        Differentiate(prediction, TargetsOf(prediction, target), dPrediction);

    /// <inheritdoc/>
    protected sealed override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses) =>
        Losses(prediction, TargetsOf(prediction, target), 0, losses.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) =>
        Gradient(prediction, TargetsOf(prediction, target), dLosses.Span(), T.One, dPrediction);

    /// <summary>Puts the losses of the samples from <paramref name="first"/> on into <paramref name="losses"/>.</summary>
    private protected abstract void Losses(Matrix<T> prediction, ClassTargets<T> targets, int first, Span<T> losses);

    /// <summary>
    /// Puts dL/dprediction into <paramref name="dPrediction"/>; the gradient of a sample's loss is in <paramref name="dLosses"/>, or
    /// <paramref name="dL"/> for all where that is empty.
    /// </summary>
    private protected abstract void Gradient(Matrix<T> prediction, ClassTargets<T> targets, ReadOnlySpan<T> dLosses, T dL, Matrix<T> dPrediction);

    /// <summary>What a checked target holds.</summary>
    private protected virtual ClassTargets<T> TargetsOf(Matrix<T> prediction, Matrix<T> target) => new(target.Span(), probabilities: false);

    private protected void CheckPrediction(Matrix<T> prediction)
    {
        Operand.Dense(this, prediction, nameof(prediction));
        if (_weight is not null && _weight.Length != prediction.ColumnCount)
            throw new ArgumentException($"{this} expects {_weight.Length} columns, one for each class's weight, but prediction is {Operand.Shape(prediction)}.", nameof(prediction));
    }

    private void Check(Matrix<T> prediction, ReadOnlySpan<int> classes)
    {
        CheckPrediction(prediction);
        if (classes.Length != prediction.RowCount)
            throw new ArgumentException($"{this} expects a class for each sample, but prediction is {Operand.Shape(prediction)} and there are {classes.Length} classes.", nameof(classes));
        Classes.Check(this, classes, prediction.ColumnCount, IgnoreIndex, nameof(classes));
    }

    private T Reduce(Matrix<T> prediction, ClassTargets<T> targets)
    {
        Span<T> losses = stackalloc T[Block];
        var sum = 0.0;
        for (var first = 0; first < prediction.RowCount; first += Block)
        {
            var block = losses[..int.Min(Block, prediction.RowCount - first)];
            Losses(prediction, targets, first, block);
            foreach (var loss in block) sum += double.CreateTruncating(loss);
        }

        return Reduced(T.CreateTruncating(sum), Divisor(targets, prediction.RowCount));
    }

    private void Differentiate(Matrix<T> prediction, ClassTargets<T> targets, Matrix<T> dPrediction) =>
        Gradient(prediction, targets, [], Reduced(T.One, Divisor(targets, prediction.RowCount)), dPrediction);

    /// <summary>What the mean divides by: the weights of the samples that count. Samples with probabilities count 1 each.</summary>
    private double Divisor(ClassTargets<T> targets, int samples)
    {
        if (targets.AreProbabilities) return samples;
        var sum = 0.0;
        for (var i = 0; i < samples; i++)
            if (targets[i] != IgnoreIndex) sum += double.CreateTruncating(WeightOf(targets[i]));
        return sum;
    }
}
