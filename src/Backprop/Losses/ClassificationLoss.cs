using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A loss that compares the scores of C classes, a row for each sample, with the class that each sample has.</summary>
/// <remarks>
/// <para>The target says the classes 0 to C - 1: as integers, or as a matrix of one column. A sample whose class is <see cref="IgnoreIndex"/> counts
/// nowhere: its loss and its gradient are 0, whatever was predicted for it, NaN and infinity too. (PyTorch's gradient of <c>cross_entropy</c> is NaN then.)</para>
/// <para>The mean divides by the sum of the weights of the samples' classes; without weights, by the number of samples that are not ignored. When all are
/// ignored it is NaN, with a gradient of 0.</para>
/// <para>To write one, subclass this and write <see cref="Losses"/> and <see cref="Gradient"/>; all else is here.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ClassificationLoss<T> : Loss<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private const int Block = 64; // samples whose losses lie on the stack at once

    private readonly T[]? _weight;

    /// <summary>Sets what all losses of classes have.</summary>
    /// <param name="weight">The weight of each class, finite and at least 0; null when they weigh the same. Copied.</param>
    /// <param name="ignoreIndex">The class of samples that count nowhere.</param>
    /// <param name="reduction">Mean, over the weights of the samples' classes, or sum.</param>
    /// <exception cref="ArgumentException">There is no weight, or one is negative, infinite or NaN.</exception>
    protected ClassificationLoss(Vector<T>? weight = null, int ignoreIndex = -100, Reduction reduction = Reduction.Mean) : base(reduction) =>
        (_weight, IgnoreIndex) = (Entries.Weights(GetType().Name.Split('`')[0], weight), ignoreIndex);

    /// <summary>The weight of each class; null when they weigh the same.</summary>
    public IReadOnlyList<T>? Weight => _weight is null ? null : field ??= Array.AsReadOnly(_weight);

    /// <summary>The class of samples that count nowhere.</summary>
    public int IgnoreIndex { get; }

    /// <summary>The weight of each class; empty when they weigh the same.</summary>
    protected ReadOnlySpan<T> Weights => _weight;

    /// <summary>The weight of a class.</summary>
    /// <param name="y">The class, from 0 on; not the ignored one.</param>
    protected T WeightOf(int y) => _weight is null ? T.One : _weight[y];

    /// <inheritdoc cref="Loss{T}.Forward" path="/summary|/returns|/exception"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    public T Forward(Matrix<T> prediction, ReadOnlySpan<int> classes)
    {
        Check(prediction, classes);
        return Reduce(prediction, new ClassTargets<T>(classes));
    }

    /// <inheritdoc cref="Loss{T}.Backward(Matrix{T}, Matrix{T})" path="/summary|/returns|/exception"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    public Matrix<T> Backward(Matrix<T> prediction, ReadOnlySpan<int> classes)
    {
        Check(prediction, classes);
        var dPrediction = Matrix<T>.Build.Dense(prediction.RowCount, prediction.ColumnCount);
        Differentiate(prediction, new ClassTargets<T>(classes), dPrediction);
        return dPrediction;
    }

    /// <inheritdoc cref="Loss{T}.Backward(Matrix{T}, Matrix{T}, Matrix{T})" path="/summary|/returns|/exception"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    /// <param name="result">Receives dL/dprediction; dense, of the prediction's shape, and not the prediction.</param>
    public Matrix<T> Backward(Matrix<T> prediction, ReadOnlySpan<int> classes, Matrix<T> result)
    {
        Check(prediction, classes);
        CheckResult(result, nameof(result), prediction.RowCount, prediction.ColumnCount, prediction);
        Differentiate(prediction, new ClassTargets<T>(classes), result);
        return result;
    }

    /// <inheritdoc cref="Loss{T}.ForwardBackward" path="/summary|/returns|/exception"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    /// <param name="dPrediction">Receives dL/dprediction; dense, of the prediction's shape, and not the prediction.</param>
    public T ForwardBackward(Matrix<T> prediction, ReadOnlySpan<int> classes, Matrix<T> dPrediction)
    {
        Check(prediction, classes);
        CheckResult(dPrediction, nameof(dPrediction), prediction.RowCount, prediction.ColumnCount, prediction);
        return ReduceAndDifferentiate(prediction, new ClassTargets<T>(classes), dPrediction);
    }

    /// <inheritdoc cref="Loss{T}.Divisor" path="/summary|/returns|/exception"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    public double Divisor(Matrix<T> prediction, ReadOnlySpan<int> classes)
    {
        Check(prediction, classes);
        return Divisor(new ClassTargets<T>(classes), prediction.RowCount);
    }

    /// <inheritdoc cref="Loss{T}.Unreduced(Matrix{T}, Matrix{T})" path="/summary|/returns|/exception"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    public Matrix<T> Unreduced(Matrix<T> prediction, ReadOnlySpan<int> classes)
    {
        Check(prediction, classes);
        var losses = Matrix<T>.Build.Dense(prediction.RowCount, 1);
        Losses(prediction, new ClassTargets<T>(classes), 0, losses.Span());
        return losses;
    }

    /// <inheritdoc cref="Loss{T}.UnreducedBackward(Matrix{T}, Matrix{T}, Matrix{T})" path="/summary|/returns|/exception"/>
    /// <param name="prediction">What the network says, samples x classes; dense.</param>
    /// <param name="classes">The class of each sample.</param>
    /// <param name="dLosses">The gradient with respect to each sample's loss, samples x 1.</param>
    public Matrix<T> UnreducedBackward(Matrix<T> prediction, ReadOnlySpan<int> classes, Matrix<T> dLosses)
    {
        Check(prediction, classes);
        Operand.Exactly(this, dLosses, prediction.RowCount, 1, nameof(dLosses));
        var dPrediction = Matrix<T>.Build.Dense(prediction.RowCount, prediction.ColumnCount);
        Gradient(prediction, new ClassTargets<T>(classes), dLosses.Span(), T.One, dPrediction);
        return dPrediction;
    }

    /// <inheritdoc/>
    protected override void Check(Matrix<T> prediction, Matrix<T> target)
    {
        CheckPrediction(prediction);
        Operand.Exactly(this, target, prediction.RowCount, 1, nameof(target));
        ClassIndices.Check(this, target.Span(), prediction.ColumnCount, IgnoreIndex, nameof(target));
    }

    /// <inheritdoc/>
    protected sealed override int UnreducedColumns(Matrix<T> prediction, Matrix<T> target) => 1;

    /// <inheritdoc/>
    protected sealed override T ForwardCore(Matrix<T> prediction, Matrix<T> target) => Reduce(prediction, TargetsOf(prediction, target));

    /// <inheritdoc/>
    protected sealed override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) =>
        Differentiate(prediction, TargetsOf(prediction, target), dPrediction);

    /// <inheritdoc/>
    protected sealed override T ForwardBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) =>
        ReduceAndDifferentiate(prediction, TargetsOf(prediction, target), dPrediction);

    /// <inheritdoc/>
    protected sealed override double DivisorCore(Matrix<T> prediction, Matrix<T> target) => Divisor(TargetsOf(prediction, target), prediction.RowCount);

    /// <inheritdoc/>
    protected sealed override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses) =>
        Losses(prediction, TargetsOf(prediction, target), 0, losses.Span());

    /// <inheritdoc/>
    protected sealed override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) =>
        Gradient(prediction, TargetsOf(prediction, target), dLosses.Span(), T.One, dPrediction);

    /// <summary>Puts the losses of the samples from <paramref name="first"/> on into <paramref name="losses"/>, 0 for those that are ignored.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="targets">What the samples should be, checked.</param>
    /// <param name="first">The first sample.</param>
    /// <param name="losses">Receives a loss for each sample from there on; its contents are unspecified before.</param>
    protected abstract void Losses(Matrix<T> prediction, ClassTargets<T> targets, int first, Span<T> losses);

    /// <summary>
    /// Puts dL/dprediction into <paramref name="dPrediction"/>, every entry of it, 0 for samples that are ignored; the gradient of a sample's loss is in
    /// <paramref name="dLosses"/>, or <paramref name="dL"/> for all where that is empty.
    /// </summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="targets">What the samples should be, checked.</param>
    /// <param name="dLosses">The gradient of each sample's loss, or empty.</param>
    /// <param name="dL">The gradient of all, where that is empty.</param>
    /// <param name="dPrediction">Receives the gradient; its contents are unspecified before.</param>
    protected abstract void Gradient(Matrix<T> prediction, ClassTargets<T> targets, ReadOnlySpan<T> dLosses, T dL, Matrix<T> dPrediction);

    /// <summary>The sum of the losses, and their gradient as <see cref="Gradient"/> puts it; overridden where the two share work, with the same bits.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="targets">What the samples should be, checked.</param>
    /// <param name="dL">The gradient of each sample's loss.</param>
    /// <param name="dPrediction">Receives the gradient; its contents are unspecified before.</param>
    protected virtual double SumAndGradient(Matrix<T> prediction, ClassTargets<T> targets, T dL, Matrix<T> dPrediction)
    {
        Gradient(prediction, targets, [], dL, dPrediction);
        return Sum(prediction, targets);
    }

    /// <summary>What a checked target holds: a class for each sample, unless overridden.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    protected virtual ClassTargets<T> TargetsOf(Matrix<T> prediction, Matrix<T> target) => new(target.Span(), probabilities: false);

    /// <summary>Checks the prediction of every public method; by default: dense, with a column for each class's weight.</summary>
    /// <param name="prediction">The prediction.</param>
    protected virtual void CheckPrediction(Matrix<T> prediction)
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
        ClassIndices.Check(this, classes, prediction.ColumnCount, IgnoreIndex, nameof(classes));
    }

    private T Reduce(Matrix<T> prediction, ClassTargets<T> targets) =>
        Reduced(Sum(prediction, targets), Divisor(targets, prediction.RowCount));

    private void Differentiate(Matrix<T> prediction, ClassTargets<T> targets, Matrix<T> dPrediction) =>
        Gradient(prediction, targets, [], Reduced(1, Divisor(targets, prediction.RowCount)), dPrediction);

    private T ReduceAndDifferentiate(Matrix<T> prediction, ClassTargets<T> targets, Matrix<T> dPrediction)
    {
        var divisor = Divisor(targets, prediction.RowCount);
        return Reduced(SumAndGradient(prediction, targets, Reduced(1, divisor), dPrediction), divisor);
    }

    private double Sum(Matrix<T> prediction, ClassTargets<T> targets)
    {
        Span<T> losses = stackalloc T[Block];
        var sum = 0.0;
        for (var first = 0; first < prediction.RowCount; first += Block)
        {
            var block = losses[..int.Min(Block, prediction.RowCount - first)];
            Losses(prediction, targets, first, block);
            sum = AddTo(sum, block);
        }

        return sum;
    }

    /// <summary>A sum and losses, added one after the other, so that the blocks in which they come do not matter.</summary>
    /// <param name="sum">The sum so far.</param>
    /// <param name="losses">What is added.</param>
    protected static double AddTo(double sum, ReadOnlySpan<T> losses)
    {
        foreach (var loss in losses) sum += double.CreateTruncating(loss);
        return sum;
    }

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
