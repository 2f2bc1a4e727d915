using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A number that says how far a prediction is from its target, and the gradient of that number.</summary>
/// <remarks>
/// Losses keep nothing between calls. To write one, subclass this and write <see cref="ForwardCore"/> and
/// <see cref="BackwardCore"/>, and <see cref="DivisorCore"/> where samples count differently; then let <see cref="GradientCheck"/> say whether
/// they are right.
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
        if (reduction is not (Reduction.Mean or Reduction.Sum)) throw new ArgumentOutOfRangeException(nameof(reduction), Signature.Choice(reduction), "A reduction is Mean or Sum.");
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
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
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
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
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
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, an entry is one that the loss refuses, or the
    /// result shares its entries with an operand.</exception>
    public Matrix<T> Backward(Matrix<T> prediction, Matrix<T> target, Matrix<T> result)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
        Check(prediction, target);
        CheckResult(result, nameof(result), prediction.RowCount, prediction.ColumnCount, prediction, target);
        BackwardCore(prediction, target, result);
        return result;
    }

    /// <summary>Computes the loss and its gradient with respect to the prediction in one call: what <see cref="Forward"/> and
    /// <see cref="Backward(Matrix{T}, Matrix{T}, Matrix{T})"/> give, bit for bit, and less work. Allocates nothing.</summary>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <param name="dPrediction">Receives dL/dprediction; dense, of the prediction's shape, and neither of the other two.</param>
    /// <returns>The loss L, reduced to one number.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, an entry is one that the loss refuses, or
    /// <paramref name="dPrediction"/> shares its entries with an operand.</exception>
    public T ForwardBackward(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
        Check(prediction, target);
        CheckResult(dPrediction, nameof(dPrediction), prediction.RowCount, prediction.ColumnCount, prediction, target);
        return ForwardBackwardCore(prediction, target, dPrediction);
    }

    /// <summary>What the mean divides by: how many entries or samples count, or the sum of their weights. The same where the loss is a sum.</summary>
    /// <remarks>
    /// Means are never averaged. Over batches b, the mean is the sum of L_b D_b over the sum of D_b, and the gradient of a batch that is taken in parts is the
    /// sum of D_b dL_b over the sum of D_b, D being this number. A part where nothing counts has a mean of NaN and D = 0: it is left out.
    /// </remarks>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <returns>A finite number, at least 0.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, or an entry is one that the loss refuses.</exception>
    /// <exception cref="InvalidOperationException">A loss written by hand gives a number below 0, or none.</exception>
    public double Divisor(Matrix<T> prediction, Matrix<T> target)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
        Check(prediction, target);
        return CheckedDivisor(prediction, target);
    }

    /// <summary>How many terms the loss is the sum of, each with a divisor of its own: 1, but for a loss made of losses, as <see cref="CombinedLoss{T}"/> is.</summary>
    public virtual int TermCount => 1;

    /// <summary>The loss in terms that add up over batches: for most, one term, of the loss times <see cref="Divisor"/> and that divisor.</summary>
    /// <remarks>Over batches, sums are added to sums and divisors to divisors, term by term; <see cref="LossTerm.Total"/> then says what the loss is over all of them. Where
    /// parts of a loss have divisors that do not keep step, as where one head ignores samples, no single number says that.</remarks>
    /// <param name="prediction">What the network says, samples x features; dense.</param>
    /// <param name="target">What it should say.</param>
    /// <param name="terms">Receives the terms, <see cref="TermCount"/> of them.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, the shapes do not fit each other, an entry is one that the loss refuses, or there is room for fewer terms or for more.</exception>
    /// <exception cref="InvalidOperationException">A loss written by hand gives a divisor below 0, or none.</exception>
    public void Terms(Matrix<T> prediction, Matrix<T> target, Span<LossTerm> terms)
    {
        Check(prediction, target);
        RequireTerms(terms);
        TermsCore(prediction, target, terms);
    }

    /// <summary>What the parts of a loss come to, of its terms over one batch or several: by their names, each without its weight. Empty for a loss that has no parts.</summary>
    /// <param name="terms">The terms, <see cref="TermCount"/> of them.</param>
    /// <exception cref="ArgumentException">There are fewer terms or more.</exception>
    public virtual IReadOnlyDictionary<string, double> PartsOf(ReadOnlySpan<LossTerm> terms)
    {
        RequireTerms(terms);
        return ReadOnlyDictionary<string, double>.Empty;
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
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
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
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
        Check(prediction, target);
        CheckResult(result, nameof(result), prediction.RowCount, UnreducedColumns(prediction, target), prediction, target);
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
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
        Check(prediction, target);
        Operand.Exactly(this, dLosses, prediction.RowCount, UnreducedColumns(prediction, target), nameof(dLosses));
        var dPrediction = Matrix<T>.Build.Dense(prediction.RowCount, prediction.ColumnCount);
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
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that computes by asking itself
        Check(prediction, target);
        Operand.Exactly(this, dLosses, prediction.RowCount, UnreducedColumns(prediction, target), nameof(dLosses));
        CheckResult(result, nameof(result), prediction.RowCount, prediction.ColumnCount, prediction, target, dLosses);
        UnreducedBackwardCore(prediction, target, dLosses, result);
        return result;
    }

    private void RequireTerms(ReadOnlySpan<LossTerm> terms)
    {
        if (terms.Length != TermCount) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{this} expects room for {TermCount} term{(TermCount == 1 ? "" : "s")}, but there is room for {terms.Length}."), nameof(terms));
    }

    /// <summary>The loss as its constructor reads; messages use it. By default the type's name.</summary>
    public override string ToString() => $"{GetType().Name.Split('`')[0]}()";

    /// <summary>Says what the loss was made with: what must be the same to go on from a checkpoint. By default, all fields that never change;
    /// see <see cref="Settings"/>.</summary>
    /// <param name="settings">Takes names and values.</param>
    protected virtual void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.AddFields(this, typeof(Loss<T>));
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

    /// <summary>L, and dL/dprediction in <paramref name="dPrediction"/>. Override it where the two share work; the bits must be those of the single calls.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    /// <param name="dPrediction">Receives the gradient; its contents are unspecified before.</param>
    protected virtual T ForwardBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction)
    {
        BackwardCore(prediction, target, dPrediction);
        return ForwardCore(prediction, target);
    }

    /// <summary>
    /// What the mean divides by. By default the number of the prediction's entries, which is right, up to a factor that does not matter, wherever each
    /// sample counts the same. Override it where samples have weights or may be left out; <see cref="GradientCheck"/> says when it must be.
    /// </summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    protected virtual double DivisorCore(Matrix<T> prediction, Matrix<T> target) => (double)prediction.RowCount * prediction.ColumnCount;

    /// <summary>Puts the loss in terms that add up over batches; by default one: the loss times its divisor, and the divisor. Override it, and <see cref="TermCount"/>, in a loss made of losses.</summary>
    /// <param name="prediction">The prediction, checked.</param>
    /// <param name="target">The target, checked.</param>
    /// <param name="terms">Receives the terms, <see cref="TermCount"/> of them; their contents are unspecified before.</param>
    protected virtual void TermsCore(Matrix<T> prediction, Matrix<T> target, Span<LossTerm> terms)
    {
        var divisor = CheckedDivisor(prediction, target);
        terms[0] = new(divisor == 0 ? 0 : double.CreateTruncating(ForwardCore(prediction, target)) * (Reduction == Reduction.Mean ? divisor : 1), divisor);
    }

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

    private double CheckedDivisor(Matrix<T> prediction, Matrix<T> target) => DivisorCore(prediction, target) is var divisor && divisor >= 0 && double.IsFinite(divisor)
        ? divisor
        : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{this} expects a mean to divide by a finite number of at least 0, but its DivisorCore gives {divisor}."));

    internal int UnreducedColumnsOf(Matrix<T> prediction, Matrix<T> target) => UnreducedColumns(prediction, target);

    /// <summary>The reduction as <see cref="object.ToString"/> says it: nothing for the mean.</summary>
    protected string SumText => Reduction == Reduction.Sum ? "sum" : "";

    /// <summary>What a sum of losses, or of their gradients, is after reduction: the sum itself, or divided by what the mean divides by.</summary>
    /// <remarks>In double, whatever <typeparamref name="T"/>: a float holds no count above 2^24.</remarks>
    /// <param name="sum">The sum; 1 for the factor of every gradient.</param>
    /// <param name="divisor">What the mean divides by.</param>
    protected T Reduced(double sum, double divisor) => T.CreateTruncating(Reduction == Reduction.Mean ? sum / divisor : sum);

    /// <summary>Refuses a result that is not dense, not of the shape it must have, or shares its entries with an operand.</summary>
    /// <param name="result">The result.</param>
    /// <param name="parameter">The argument it came in.</param>
    /// <param name="rows">The rows it must have.</param>
    /// <param name="columns">The columns it must have.</param>
    /// <param name="operands">What is read while it is written.</param>
    protected void CheckResult(Matrix<T> result, string parameter, int rows, int columns, params ReadOnlySpan<Matrix<T>> operands)
    {
        Operand.Exactly(this, result, rows, columns, parameter);
        var entries = result.Entries();
        foreach (var operand in operands)
            if (ReferenceEquals(entries, operand.Entries()))
                throw new ArgumentException($"{this} expects a result of its own, but it shares its entries with an operand.", parameter);
    }
}
