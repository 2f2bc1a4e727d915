using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A number that says how far a prediction is from its target, and the gradient of that number.</summary>
/// <remarks>
/// Losses keep nothing between calls. To write one, subclass this and write <see cref="ForwardCore"/> and
/// <see cref="BackwardCore"/>; then let <see cref="GradientCheck"/> say whether the derivative is right.
/// </remarks>
/// <threadsafety>Any number of threads at once.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
[DynamicallyAccessedMembers(Settings.Fields)]
public abstract class Loss<T> : IDescribed where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Sets how losses are reduced to one number.</summary>
    /// <param name="reduction">Mean or sum.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither float nor double.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The reduction is not a defined one.</exception>
    protected Loss(Reduction reduction = Reduction.Mean)
    {
        Element.Require<T>();
        if (reduction is not (Reduction.Mean or Reduction.Sum)) throw new ArgumentOutOfRangeException(nameof(reduction), reduction, "A reduction is Mean or Sum.");
        Reduction = reduction;
    }

    /// <summary>How losses are reduced to one number.</summary>
    public Reduction Reduction { get; }

    /// <summary>What the loss computes, as a formula.</summary>
    public virtual string Formula => "";

    /// <summary>Its gradient with respect to the prediction, as a formula.</summary>
    public virtual string Derivative => "";

    /// <summary>Computes the loss.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say; dense, of the prediction's shape unless the loss says otherwise.</param>
    /// <returns>The loss L, reduced to one number.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, or an entry is one that the loss refuses.</exception>
    public T Forward(Matrix<T> prediction, Matrix<T> target)
    {
        Check(prediction, target);
        return ForwardCore(prediction, target);
    }

    /// <summary>Computes the gradient of the loss with respect to the prediction.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <returns>dL/dprediction, of the prediction's shape.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, or an entry is one that the loss refuses.</exception>
    public Matrix<T> Backward(Matrix<T> prediction, Matrix<T> target)
    {
        Check(prediction, target);
        var dPrediction = LikePrediction(prediction);
        BackwardCore(prediction, target, dPrediction);
        return dPrediction;
    }

    /// <summary>Computes the gradient of the loss with respect to the prediction, without allocating.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <param name="result">Receives dL/dprediction; dense, of the prediction's shape, and neither of the other two.</param>
    /// <returns><paramref name="result"/>.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, an entry is one that the loss refuses, or the
    /// result shares its entries with an operand.</exception>
    public Matrix<T> Backward(Matrix<T> prediction, Matrix<T> target, Matrix<T> result)
    {
        Check(prediction, target);
        CheckResult(result, prediction.RowCount, prediction.ColumnCount, prediction, target);
        BackwardCore(prediction, target, result);
        return result;
    }

    /// <summary>The losses before they are reduced, PyTorch's <c>reduction="none"</c>.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <returns>A loss for each entry (samples x features), or for each sample (samples x 1) where the loss is defined by samples.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, or an entry is one that the loss refuses.</exception>
    /// <exception cref="NotSupportedException">The loss has no unreduced form.</exception>
    public Matrix<T> Unreduced(Matrix<T> prediction, Matrix<T> target)
    {
        Check(prediction, target);
        var losses = Matrix<T>.Build.Dense(prediction.RowCount, UnreducedColumns(prediction, target));
        UnreducedCore(prediction, target, losses);
        return losses;
    }

    /// <summary>The same, without allocating.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <param name="result">Receives the losses; dense, of the shape that the other overload returns, and neither of the other two.</param>
    /// <returns><paramref name="result"/>.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, an entry is one that the loss refuses, or the
    /// result shares its entries with an operand.</exception>
    /// <exception cref="NotSupportedException">The loss has no unreduced form.</exception>
    public Matrix<T> Unreduced(Matrix<T> prediction, Matrix<T> target, Matrix<T> result)
    {
        Check(prediction, target);
        CheckResult(result, prediction.RowCount, UnreducedColumns(prediction, target), prediction, target);
        UnreducedCore(prediction, target, result);
        return result;
    }

    /// <summary>The gradient with respect to the prediction of a loss made from <see cref="Unreduced(Matrix{T}, Matrix{T})"/>.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <param name="dLosses">The gradient with respect to each unreduced loss, of the shape of <see cref="Unreduced(Matrix{T}, Matrix{T})"/>'s result.</param>
    /// <returns>dL/dprediction, of the prediction's shape.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, or an entry is one that the loss refuses.</exception>
    /// <exception cref="NotSupportedException">The loss has no unreduced form.</exception>
    public Matrix<T> UnreducedBackward(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses)
    {
        Check(prediction, target);
        Operand.Exactly(this, dLosses, prediction.RowCount, UnreducedColumns(prediction, target), nameof(dLosses));
        var dPrediction = LikePrediction(prediction);
        UnreducedBackwardCore(prediction, target, dLosses, dPrediction);
        return dPrediction;
    }

    /// <summary>The same, without allocating.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <param name="dLosses">The gradient with respect to each unreduced loss, of the shape of <see cref="Unreduced(Matrix{T}, Matrix{T})"/>'s result.</param>
    /// <param name="result">Receives dL/dprediction; dense, of the prediction's shape, and none of the other three.</param>
    /// <returns><paramref name="result"/>.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, an entry is one that the loss refuses, or the
    /// result shares its entries with an operand.</exception>
    /// <exception cref="NotSupportedException">The loss has no unreduced form.</exception>
    public Matrix<T> UnreducedBackward(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> result)
    {
        Check(prediction, target);
        Operand.Exactly(this, dLosses, prediction.RowCount, UnreducedColumns(prediction, target), nameof(dLosses));
        CheckResult(result, prediction.RowCount, prediction.ColumnCount, prediction, target, dLosses);
        UnreducedBackwardCore(prediction, target, dLosses, result);
        return result;
    }

    /// <summary>The loss as its constructor reads; messages use it. By default the type's name.</summary>
    public override string ToString() => $"{GetType().Name.Split('`')[0]}()";

    /// <summary>Says what the loss was made with: what must be the same to go on from a checkpoint. By default, all fields that never change;
    /// see <see cref="Settings"/>.</summary>
    /// <param name="settings">Takes names and values.</param>
    protected virtual void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.AddFields(this, GetType(), typeof(Loss<T>));
    }

    void IDescribed.Describe(Settings settings)
    {
        settings.Add("reduction", Reduction);
        Describe(settings);
    }

    /// <summary>Checks the arguments of every public method; by default: both dense, and of the same shape.</summary>
    /// <param name="prediction">The prediction.</param>
    /// <param name="target">The target.</param>
    protected virtual void Check(Matrix<T> prediction, Matrix<T> target) =>
        Operand.Same(this, prediction, nameof(prediction), target, nameof(target));

    /// <summary>L, reduced to one number.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    protected abstract T ForwardCore(Matrix<T> prediction, Matrix<T> target);

    /// <summary>Puts dL/dprediction into <paramref name="dPrediction"/>, every entry of it.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    /// <param name="dPrediction">Receives the gradient; its contents are unspecified before.</param>
    protected abstract void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction);

    /// <summary>How many losses a sample has before reduction; as many as it has features, unless overridden.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    protected virtual int UnreducedColumns(Matrix<T> prediction, Matrix<T> target) => prediction.ColumnCount;

    /// <summary>Puts the losses before reduction into <paramref name="losses"/>, every one of them.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    /// <param name="losses">Receives the losses, samples x <see cref="UnreducedColumns"/>.</param>
    protected virtual void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses) =>
        throw new NotSupportedException($"{this} has no unreduced form.");

    /// <summary>Puts dL/dprediction, from the gradient of each unreduced loss, into <paramref name="dPrediction"/>, every entry of it.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    /// <param name="dLosses">The gradient of each unreduced loss, samples x <see cref="UnreducedColumns"/>; checked.</param>
    /// <param name="dPrediction">Receives the gradient; its contents are unspecified before.</param>
    protected virtual void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) =>
        throw new NotSupportedException($"{this} has no unreduced form.");

    /// <summary>The reduction as <see cref="object.ToString"/> says it: nothing for the mean.</summary>
    private protected string SumText => Reduction == Reduction.Sum ? "sum" : "";

    /// <summary>A number that the mean divides by the count.</summary>
    private protected T Reduced(T sum, double count) => Reduction == Reduction.Mean ? sum / T.CreateTruncating(count) : sum;

    private protected static Matrix<T> LikePrediction(Matrix<T> prediction) => Matrix<T>.Build.Dense(prediction.RowCount, prediction.ColumnCount);

    /// <summary>A result is dense, of the shape it must have, and shares its entries with none of the operands.</summary>
    private protected void CheckResult(Matrix<T> result, int rows, int columns, params ReadOnlySpan<Matrix<T>> operands)
    {
        Operand.Exactly(this, result, rows, columns, nameof(result));
        foreach (var operand in operands)
            if (ReferenceEquals(result.AsColumnMajorArray(), operand.AsColumnMajorArray()))
                throw new ArgumentException($"{this} expects a result of its own, but it shares its entries with an operand.", nameof(result));
    }
}
