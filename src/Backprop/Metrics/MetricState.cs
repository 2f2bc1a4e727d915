using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>What a metric has seen so far of predictions that come chunk by chunk.</summary>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="name">The metric's name, for messages.</param>
public abstract class MetricState<T>(string name) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The metric's name.</summary>
    public string Name { get; } = name;

    /// <summary>The metric over all that was added.</summary>
    public abstract double Value { get; }

    /// <summary>Adds predictions. The matrices may be overwritten afterwards.</summary>
    /// <param name="prediction">What the model says, samples x outputs; dense.</param>
    /// <param name="target">What it should say, a row for each sample; dense.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, or the shapes do not fit each other, or a class is out of range.</exception>
    public void Add(Matrix<T> prediction, Matrix<T> target)
    {
        Labels.SameRows(Name, prediction, target);
        AddCore(prediction, target);
    }

    /// <summary>Adds predictions; keeps neither matrix.</summary>
    /// <param name="prediction">The predictions: dense.</param>
    /// <param name="target">The targets: dense, with as many rows.</param>
    protected abstract void AddCore(Matrix<T> prediction, Matrix<T> target);
}
