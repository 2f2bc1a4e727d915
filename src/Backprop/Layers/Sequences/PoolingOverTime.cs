using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>What <see cref="LastStep{T}"/>, <see cref="MeanOverTime{T}"/> and <see cref="MaxOverTime{T}"/> share: T rows of a sequence become one.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class PoolingOverTime<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private protected PoolingOverTime(int steps) => Steps = Expect.Positive(Invariant($"{GetType().Name.Split('`')[0]}({steps})"), steps, nameof(steps));

    /// <summary>T, the rows of a sequence.</summary>
    public int Steps { get; }

    internal sealed override int RowsOfSequence => Steps;

    /// <inheritdoc/>
    public sealed override int OutputRows(int inputRows) => Sequences.Count(this, inputRows, Steps);

    /// <inheritdoc/>
    public sealed override ForwardPass<T> NewPass(bool training = true) => new OverTimePass<T>(this, training);

    /// <inheritdoc/>
    public sealed override string ToString() => Signature.Call(GetType().Name.Split('`')[0], Invariant($"{Steps}"));

    /// <inheritdoc/>
    protected sealed override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var sequences = x.RowCount / Steps;
        ((OverTimePass<T>)pass).Keep(Sequences.Lengths(this, pass, sequences, Steps));
        var y = pass.NewOutput(sequences, x.ColumnCount);
        Pool(x, (OverTimePass<T>)pass, y);
        return y;
    }

    /// <inheritdoc/>
    protected sealed override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        Unpool(dY, (OverTimePass<T>)pass, dX);
        return dX;
    }

    private protected abstract void Pool(Matrix<T> x, OverTimePass<T> pass, Matrix<T> y);

    private protected abstract void Unpool(Matrix<T> dY, OverTimePass<T> pass, Matrix<T> dX);
}
