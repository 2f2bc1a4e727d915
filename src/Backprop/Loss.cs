using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// How the losses of single entries become one number. PyTorch's third reduction, <c>none</c>, is
/// <see cref="Loss{T}.Unreduced"/> here, since it gives a matrix.
/// </summary>
public enum Reduction
{
    /// <summary>Their mean; over no entries it is NaN.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,
}

/// <summary>A number that says how far a prediction is from its target, and the gradient of that number.</summary>
/// <remarks>
/// Losses keep nothing between calls. To write one, subclass this and write <see cref="ForwardCore"/> and
/// <see cref="BackwardCore"/>; then let <see cref="GradientCheck"/> say whether the derivative is right.
/// </remarks>
/// <threadsafety>Any number of threads at once.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Loss<T> where T : unmanaged, IFloatingPointIeee754<T>
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
    /// <exception cref="ArgumentException">A matrix is not dense, or the shapes do not fit each other.</exception>
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
    /// <exception cref="ArgumentException">A matrix is not dense, or the shapes do not fit each other.</exception>
    public Matrix<T> Backward(Matrix<T> prediction, Matrix<T> target)
    {
        Check(prediction, target);
        var dPrediction = Matrix<T>.Build.Dense(prediction.RowCount, prediction.ColumnCount);
        BackwardCore(prediction, target, dPrediction);
        return dPrediction;
    }

    /// <summary>Computes the gradient of the loss with respect to the prediction, without allocating.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <param name="result">Receives dL/dprediction; dense, of the prediction's shape, and neither of the other two.</param>
    /// <returns><paramref name="result"/>.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, or the shapes do not fit each other, or the result shares its entries with an operand.</exception>
    public Matrix<T> Backward(Matrix<T> prediction, Matrix<T> target, Matrix<T> result)
    {
        Check(prediction, target);
        CheckResult(prediction, target, result);
        BackwardCore(prediction, target, result);
        return result;
    }

    /// <summary>The losses before they are reduced, PyTorch's <c>reduction="none"</c>.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <returns>A loss for each entry (samples x features), or for each sample (samples x 1) where the loss is defined by samples.</returns>
    /// <exception cref="NotSupportedException">The loss has no unreduced form.</exception>
    public Matrix<T> Unreduced(Matrix<T> prediction, Matrix<T> target)
    {
        Check(prediction, target);
        return UnreducedCore(prediction, target);
    }

    /// <summary>The gradient with respect to the prediction of a loss made from <see cref="Unreduced"/>.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <param name="dLosses">The gradient with respect to each unreduced loss, of the shape of <see cref="Unreduced"/>'s result.</param>
    /// <returns>dL/dprediction, of the prediction's shape.</returns>
    /// <exception cref="NotSupportedException">The loss has no unreduced form.</exception>
    public Matrix<T> UnreducedBackward(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses)
    {
        Check(prediction, target);
        return UnreducedBackwardCore(prediction, target, dLosses);
    }

    /// <summary>Checks the arguments of every public method; by default: both dense, and of the same shape.</summary>
    /// <param name="prediction">The prediction.</param>
    /// <param name="target">The target.</param>
    protected virtual void Check(Matrix<T> prediction, Matrix<T> target) =>
        Shape.Same(this, prediction, nameof(prediction), target, nameof(target));

    /// <summary>L, reduced to one number.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    protected abstract T ForwardCore(Matrix<T> prediction, Matrix<T> target);

    /// <summary>Puts dL/dprediction into <paramref name="dPrediction"/>, every entry of it.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    /// <param name="dPrediction">Receives the gradient; its contents are unspecified before.</param>
    protected abstract void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction);

    /// <summary>The losses before they are reduced.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    protected virtual Matrix<T> UnreducedCore(Matrix<T> prediction, Matrix<T> target) =>
        throw new NotSupportedException($"{this} has no unreduced form.");

    /// <summary>dL/dprediction from the gradient of each unreduced loss.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    /// <param name="dLosses">The upstream gradient, not checked.</param>
    protected virtual Matrix<T> UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses) =>
        throw new NotSupportedException($"{this} has no unreduced form.");

    private void CheckResult(Matrix<T> prediction, Matrix<T> target, Matrix<T> result)
    {
        Shape.Exactly(this, result, prediction.RowCount, prediction.ColumnCount, nameof(result));
        var entries = result.AsColumnMajorArray();
        if (ReferenceEquals(entries, prediction.AsColumnMajorArray()) || ReferenceEquals(entries, target.AsColumnMajorArray()))
            throw new ArgumentException($"{this} expects a result of its own, but it shares its entries with an operand.", nameof(result));
    }
}
