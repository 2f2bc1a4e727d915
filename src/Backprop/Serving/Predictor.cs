using System.Numerics;
using Backprop.Checks;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Serves predictions: a snapshot of a model's weights, laid out once for the product they are used in, with bias and activation done where the result is at hand.</summary>
/// <remarks>
/// <para>The bits are those of <see cref="Layer{T}.Forward(Matrix{T})"/>, for one row as for a million, on however many threads. Batch normalisation that is folded into the linear layer before it has others.</para>
/// <para>The model may go on learning: the predictor sees nothing of it until <see cref="Refresh"/>.</para>
/// <para>Linear layers, activations of a formula (<see cref="VectorizedActivation{T}"/>), dropout, and <see cref="Sequential{T}"/> of these are laid out anew. Where there are other layers, they run as they are, in one clone of the model that all threads share; what they throw
/// comes out of <c>Predict</c>. A formula may be asked for values that are no entries, and on other threads, so it must depend on nothing but its argument.</para>
/// <para>Nothing is allocated once each thread has predicted, as long as no more than a few predictions, one for each processor, run at once; with other layers than those named, for up to two sizes of batches in turn.</para>
/// </remarks>
/// <example><code>
/// var predictor = model.ToPredictor();
/// predictor.Predict(features, result);   // spans: one sample, or many, row after row
/// </code></example>
/// <threadsafety>Any number of threads may predict at once, and one may <see cref="Refresh"/> beside them while nobody changes the model.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Predictor<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Layer<T> _model;
    private readonly Lock _refreshing = new();
    private volatile Snapshot<T> _snapshot;

    internal Predictor(Layer<T> model, int? inputColumns, bool foldBatchNorm)
    {
        _model = model;
        InputColumns = inputColumns ?? model.InputColumns ?? throw new ArgumentException($"{model} takes any number of columns, so a predictor of it must be told: ToPredictor(inputColumns).", nameof(inputColumns));
        Expect.Positive($"A predictor of {model}", InputColumns, nameof(inputColumns));
        FoldsBatchNorm = foldBatchNorm;
        _snapshot = new(model, InputColumns, foldBatchNorm);
    }

    /// <summary>Columns of the input: values of a sample.</summary>
    public int InputColumns { get; }

    /// <summary>Columns of the output.</summary>
    public int OutputColumns => _snapshot.OutputColumns;

    /// <summary>Whether linear layers do the work of batch normalisations that follow them: then the bits are not those of <see cref="Layer{T}.Forward(Matrix{T})"/>, but close to them.</summary>
    public bool FoldsBatchNorm { get; }

    /// <summary>Computes the output for one sample, or for many that lie row after row: not as a matrix of MathNet's has them, column after column.</summary>
    /// <param name="x">The samples' features, <see cref="InputColumns"/> for each; none for no sample.</param>
    /// <param name="result">Receives the output, <see cref="OutputColumns"/> for each of its rows, mostly as many as samples; not where x is.</param>
    /// <exception cref="ArgumentException">A span's length is wrong, or the spans overlap.</exception>
    public void Predict(ReadOnlySpan<T> x, Span<T> result) => Predict(x, result, default);

    /// <summary>Computes the output for sequences of different lengths.</summary>
    /// <inheritdoc cref="Predict(ReadOnlySpan{T}, Span{T})"/>
    /// <param name="x">The samples' features, <see cref="InputColumns"/> for each; none for no sample.</param>
    /// <param name="result">Receives the output, <see cref="OutputColumns"/> for each of its rows, mostly as many as samples; not where x is.</param>
    /// <param name="lengths">How many of its rows each sequence really has, see <see cref="ForwardPass{T}.SequenceLengths"/>; empty where all have all.</param>
    /// <exception cref="ArgumentException">A length is wrong, of spans or of sequences, or the spans overlap.</exception>
    public void Predict(ReadOnlySpan<T> x, Span<T> result, ReadOnlyMemory<int> lengths)
    {
        var snapshot = _snapshot;
        var rows = x.Length == InputColumns ? 1 : x.Length / InputColumns;
        if (x.Length != rows * InputColumns) throw new ArgumentException($"{this} expects x to have {Signature.Number(InputColumns)} values for each sample, but it has {Signature.Number(x.Length)}.", nameof(x));
        var expected = (long)snapshot.OutputRows(rows) * snapshot.OutputColumns;
        if (result.Length != expected) throw new ArgumentException($"{this} expects result to have {Signature.Number(expected)} values for {Signature.Number(rows)} sample{(rows == 1 ? "" : "s")}, but it has {Signature.Number(result.Length)}.", nameof(result));
        if (x.Overlaps(result)) throw new ArgumentException($"{this} expects result to lie apart from x, but they overlap.", nameof(result));
        SequenceRows.RequireLengths(this, lengths.Span, rows, nameof(lengths));
        snapshot.Run(x, null, rows, InputColumns, result, byRows: true, lengths);
    }

    /// <summary>Computes the output into a matrix that is there already.</summary>
    /// <param name="x">The input, samples x <see cref="InputColumns"/>; dense.</param>
    /// <param name="result">Receives the output, samples x <see cref="OutputColumns"/>: dense, and not the input.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense or has the wrong shape, or they are the same.</exception>
    public void Predict(Matrix<T> x, Matrix<T> result) => Predict(x, result, default);

    /// <summary>Computes the output for sequences of different lengths.</summary>
    /// <inheritdoc cref="Predict(Matrix{T}, Matrix{T})"/>
    /// <param name="x">The input, samples x <see cref="InputColumns"/>; dense.</param>
    /// <param name="result">Receives the output, samples x <see cref="OutputColumns"/>: dense, and not the input.</param>
    /// <param name="lengths">How many of its rows each sequence really has, see <see cref="ForwardPass{T}.SequenceLengths"/>; empty where all have all.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense or has the wrong shape, or they are the same; or there is not a length for each sequence, or one that is too short or too long.</exception>
    public void Predict(Matrix<T> x, Matrix<T> result, ReadOnlyMemory<int> lengths)
    {
        var snapshot = _snapshot;
        var rows = RowsOf(x);
        Operand.Exactly(this, result, snapshot.OutputRows(rows), snapshot.OutputColumns, nameof(result));
        if (ReferenceEquals(x.Entries(), result.Entries())) throw new ArgumentException($"{this} expects result to be another matrix than x, but it is the same.", nameof(result));
        SequenceRows.RequireLengths(this, lengths.Span, rows, nameof(lengths));
        snapshot.Run(x.Span(), x, rows, InputColumns, result.Span(), byRows: false, lengths);
    }

    /// <summary>Computes the output.</summary>
    /// <param name="x">The input, samples x <see cref="InputColumns"/>; dense.</param>
    /// <returns>The output, samples x <see cref="OutputColumns"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense or has the wrong number of columns.</exception>
    public Matrix<T> Predict(Matrix<T> x)
    {
        var snapshot = _snapshot;
        var rows = RowsOf(x);
        var result = ReusedMatrix<T>.New(snapshot.OutputRows(rows), snapshot.OutputColumns);
        snapshot.Run(x.Span(), x, rows, InputColumns, result.Span(), byRows: false, default);
        return result;
    }

    /// <summary>Takes the model as it is now, its weights and its layers. Predictions under way finish with what was before; call it while nobody changes the model.</summary>
    /// <exception cref="ArgumentException">The model does not take <see cref="InputColumns"/> columns any more; the predictor serves on.</exception>
    /// <exception cref="InvalidOperationException">The model gives other columns than it did; the predictor serves on.</exception>
    /// <exception cref="NotSupportedException">A layer that was added cannot be cloned; the predictor serves on.</exception>
    public void Refresh()
    {
        lock (_refreshing)
        {
            var next = new Snapshot<T>(_model, InputColumns, FoldsBatchNorm);
            if (next.OutputColumns != OutputColumns) throw new InvalidOperationException($"{this} has given {Signature.Number(OutputColumns)} columns, but the model now gives {Signature.Number(next.OutputColumns)}; make a new predictor.");
            _snapshot = next;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"Predictor of {_model}";

    private int RowsOf(Matrix<T> x)
    {
        Operand.Dense(this, x, nameof(x));
        if (x.ColumnCount != InputColumns) throw new ArgumentException($"{this} expects {Signature.Number(InputColumns)} input columns, but x is {Operand.Shape(x)}.", nameof(x));
        return x.RowCount;
    }
}
