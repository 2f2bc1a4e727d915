using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A number that says how good predictions are, for people to read. To write one, subclass this and write <see cref="Measure"/>.</summary>
/// <remarks>
/// <para>Where targets are classes, they are what a <see cref="CrossEntropyLoss{T}"/> takes: one column of class indices, or a column for each class, of
/// which the largest counts.</para>
/// <para>A large set is predicted chunk by chunk. <see cref="Measure"/> sees the whole of it nevertheless, so the predictions (the outputs alone) are
/// collected for it; a metric that can be computed as it goes spares them, see <see cref="AccumulatingMetric{T}"/>.</para>
/// </remarks>
/// <threadsafety>Any number of threads at once.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
[DynamicallyAccessedMembers(Settings.Fields)]
public abstract class Metric<T> : IDescribed where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name, as a history has it: <c>accuracy</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Whether a greater value is a better one: of an accuracy it is, of an error it is not.</summary>
    public virtual bool GreaterIsBetter => true;

    /// <summary>Measures predictions.</summary>
    /// <param name="prediction">What the model says, samples x outputs; dense.</param>
    /// <param name="target">What it should say, a row for each sample; dense.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, or the shapes do not fit each other, or a class is out of range.</exception>
    public double Of(Matrix<T> prediction, Matrix<T> target)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();      // one that measures by asking itself
        Labels.SameRows(Name, prediction, target);
        return Measure(prediction, target);
    }

    /// <summary>Begins to measure predictions that come chunk by chunk. What comes of it is what <see cref="Of"/> gives for all of them at once.</summary>
    public virtual MetricState<T> NewState() => new CollectedState<T>(this);

    /// <summary>Says what the metric was made with: what must be the same to go on from a checkpoint. By default, all fields that never change;
    /// see <see cref="Settings"/>.</summary>
    /// <param name="settings">Takes names and values.</param>
    protected virtual void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.AddFields(this, typeof(Metric<T>));
    }

    void IDescribed.Describe(Settings settings) => Describe(settings);

    /// <summary>Measures predictions.</summary>
    /// <param name="prediction">The predictions: dense.</param>
    /// <param name="target">The targets: dense, with as many rows.</param>
    protected abstract double Measure(Matrix<T> prediction, Matrix<T> target);
}
