using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>A layer that prepares the columns of its input by numbers that were found in samples: it has no parameters, and what it found are buffers, in the model's file like all else.</summary>
/// <remarks>
/// <para>Fit it to the training samples alone, before the training: what is held back must not be looked at. It then does the same in training and in evaluation, and the
/// model that is served prepares its inputs as the one that learned did. <see cref="PreprocessingExtensions.FitPreprocessing{T}"/> fits all of a network, each to what comes out of those before it.</para>
/// <para>Samples come as a matrix, or one by one: in one pass, so that they may be more than there is memory for. Both ways give the same bits.</para>
/// <para>To write one, subclass this and write <see cref="NewFitting"/>, <see cref="Layer{T}.ForwardCore"/>, which begins with <see cref="RequireFitted"/>, and <see cref="Layer{T}.BackwardCore"/>.</para>
/// </remarks>
/// <threadsafety>Used, it is as thread-safe as every layer; while it is fitted, no other thread may use it.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Preprocessing<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Below so many rows, a loop over a column costs less than calls for whole columns; the bits are the same.</summary>
    private protected const int ShortColumn = 16;

    /// <summary>Makes a layer that is not fitted yet.</summary>
    /// <param name="numFeatures">The columns of the input, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no column.</exception>
    protected Preprocessing(int numFeatures)
    {
        NumFeatures = Expect.Positive(Invariant($"{GetType().Name.Split('`')[0]}({numFeatures})"), numFeatures, nameof(numFeatures));
        SamplesSeen = RegisterBuffer(new CounterBuffer<T>("n_samples_seen"));
    }

    /// <summary>The columns of the input.</summary>
    public int NumFeatures { get; }

    /// <summary>How many samples it was fitted to; 0 where it is not fitted. Whoever puts numbers from elsewhere into the other buffers sets it, too.</summary>
    public CounterBuffer<T> SamplesSeen { get; }

    /// <summary>Whether it was fitted, here or in the file that was loaded.</summary>
    public virtual bool IsFitted => SamplesSeen.Value > 0;

    /// <inheritdoc/>
    public override int? InputColumns => NumFeatures;

    /// <summary>Finds what the layer needs to know in samples, and forgets what it knew before. Nothing changes unless all of them can be taken.</summary>
    /// <param name="x">Training inputs, a row each; dense, at least one row.</param>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense, has other columns or no rows, or a column is one that the layer cannot use; the message says which, and why.</exception>
    public void Fit(Matrix<T> x)
    {
        Operand.Dense(this, x, nameof(x));
        if (x.ColumnCount != NumFeatures || x.RowCount == 0)
            throw new ArgumentException(Invariant($"{this} expects to be fitted to {NumFeatures} columns and at least one row, but x is {Operand.Shape(x)}."), nameof(x));
        var fitting = NewFitting();
        for (var j = 0; j < x.ColumnCount; j++)
        {
            var column = x.Span().Slice(j * x.RowCount, x.RowCount);
            for (var i = 0; i < column.Length; i++) fitting.Take(i, j, column[i]);
        }

        Finish(fitting, x.RowCount);
    }

    /// <summary>Finds what the layer needs to know in samples that come one by one, in one pass, and forgets what it knew before. Nothing changes unless all of them can be taken.</summary>
    /// <param name="rows">Training inputs; at least one. None of them is kept.</param>
    /// <exception cref="ArgumentNullException"><paramref name="rows"/>, or one of them, is null.</exception>
    /// <exception cref="ArgumentException">There is no row, one has other columns, or a column is one that the layer cannot use.</exception>
    public void Fit(IEnumerable<IReadOnlyList<T>> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var (fitting, count) = (NewFitting(), 0L);
        foreach (var row in rows)
        {
            ArgumentNullException.ThrowIfNull(row, nameof(rows));
            if (row.Count != NumFeatures) throw new ArgumentException(Invariant($"{this} expects to be fitted to rows of {NumFeatures} values, but row {count} has {row.Count}."), nameof(rows));
            for (var j = 0; j < NumFeatures; j++) fitting.Take(count, j, row[j]);
            count++;
        }

        if (count == 0) throw new ArgumentException(Invariant($"{this} expects to be fitted to at least one row, but there is none."), nameof(rows));
        Finish(fitting, count);
    }

    /// <summary>Begins to look at samples.</summary>
    protected abstract Fitting NewFitting();

    /// <summary>Refuses to work before it was fitted.</summary>
    /// <exception cref="InvalidOperationException">It was not.</exception>
    protected void RequireFitted()
    {
        if (!IsFitted) throw new InvalidOperationException($"{this} expects to be fitted before it is used, but is not: call Fit or FitPreprocessing with training samples, or Load a file.");
    }

    private void Finish(Fitting fitting, long rows)
    {
        fitting.Finish(rows);
        SamplesSeen.Value = rows;
    }

    /// <summary>What was seen of samples so far, each column by itself.</summary>
    public abstract class Fitting
    {
        /// <summary>Looks at a value. The rows of a column come in order.</summary>
        /// <param name="row">Its row.</param>
        /// <param name="column">Its column.</param>
        /// <param name="value">The value.</param>
        /// <exception cref="ArgumentException">It is one that the layer cannot use.</exception>
        public abstract void Take(long row, int column, T value);

        /// <summary>Looks at each column, and only then writes to the buffers.</summary>
        /// <param name="rows">How many rows there were.</param>
        /// <exception cref="ArgumentException">A column is one that the layer cannot use.</exception>
        public abstract void Finish(long rows);
    }
}
