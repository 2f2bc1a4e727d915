using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Inputs and their targets, a row for each sample, or as many consecutive rows as a sequence has steps.</summary>
/// <remarks>
/// <para>A sequence of T steps is T consecutive rows, and stays together: counts, batches, orders and splits are those of samples.</para>
/// <para>A sample that weighs 2 counts like two samples: in the loss and in what its mean divides by (<see cref="Loss{T}.Divisor"/>), in training, in validation, and in
/// chunks. One that weighs 0 counts nowhere. That needs a loss with an unreduced form; metrics know no weights.</para>
/// <para>Sequences that are shorter than T have lengths: their other rows are there, whatever they hold, and are not looked at. A <see cref="Trainer{T}"/> tells the model
/// (<see cref="ForwardPass{T}.SequenceLengths"/>); and where there is a target for each step, loss and metrics see the rows of steps that are there, and divide by those.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed partial class Samples<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int[]? _lengths;

    /// <summary>Takes inputs and targets by reference.</summary>
    /// <param name="x">Inputs: a row each, or <paramref name="inputRows"/>; dense, at least one.</param>
    /// <param name="y">Targets: a row each, or <paramref name="targetRows"/>; dense, of as many samples.</param>
    /// <param name="inputRows">Rows of <paramref name="x"/> that a sample has, at least 1.</param>
    /// <param name="targetRows">Rows of <paramref name="y"/> that a sample has, at least 1: a target for each sequence, or one for each of its steps.</param>
    /// <param name="weights">What each sample weighs in the loss, a column; dense, finite and at least 0. Null where all weigh the same.</param>
    /// <param name="lengths">How many of its input rows each sample really has, from 1 to <paramref name="inputRows"/>; copied. Null where all have all.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense, samples are not whole, their numbers differ, or there are none; or there is not a length for each, or one that is too short or too long.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of rows is below 1, or a weight is negative or not finite.</exception>
    public Samples(Matrix<T> x, Matrix<T> y, int inputRows = 1, int targetRows = 1, Matrix<T>? weights = null, IReadOnlyList<int>? lengths = null)
    {
        Element.Require<T>();
        Operand.Dense("Samples", x, nameof(x));
        Operand.Dense("Samples", y, nameof(y));
        RequireWhole(x, inputRows, nameof(x), nameof(inputRows));
        RequireWhole(y, targetRows, nameof(y), nameof(targetRows));
        if (x.RowCount / inputRows != y.RowCount / targetRows)
            throw new ArgumentException($"Samples expects a target for each input, but x is {Of(x, inputRows)} and y is {Of(y, targetRows)}.", nameof(y));
        if (x.RowCount == 0) throw new ArgumentException($"Samples expects at least one sample, but x is {Operand.Shape(x)}.", nameof(x));
        if (weights is not null)
        {
            Operand.Exactly("Samples", weights, x.RowCount / inputRows, 1, nameof(weights));
            if (Entries.IndexOutside<T>(weights.Span(), T.Zero, T.BitDecrement(T.PositiveInfinity), refuseNaN: true) is >= 0 and var i)
                throw new ArgumentOutOfRangeException(nameof(weights), $"Samples expects weights that are finite and at least 0, but {Entries.Entry(weights, i, nameof(weights))}.");
        }

        if (lengths is not null)
        {
            var count = x.RowCount / inputRows;
            if (lengths.Count != count) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"Samples expects a length for each of {count} samples, but there are {lengths.Count}."), nameof(lengths));
            for (var i = 0; i < count; i++)
                if (lengths[i] < 1 || lengths[i] > inputRows) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"Samples expects lengths from 1 to {inputRows}, but that of sample {i} is {lengths[i]}."), nameof(lengths));
        }

        (X, Y, InputRows, TargetRows, Weights) = (x, y, inputRows, targetRows, weights);
        _lengths = lengths is null ? null : [.. lengths];

        static string Of(Matrix<T> matrix, int rows) => rows == 1 ? Operand.Shape(matrix) : $"{Operand.Shape(matrix)}, {rows} rows a sample,";
    }

    /// <summary>Inputs: a row each, or <see cref="InputRows"/>.</summary>
    public Matrix<T> X { get; }

    /// <summary>Targets: a row each, or <see cref="TargetRows"/>.</summary>
    public Matrix<T> Y { get; }

    /// <summary>Rows of <see cref="X"/> that a sample has.</summary>
    public int InputRows { get; }

    /// <summary>Rows of <see cref="Y"/> that a sample has.</summary>
    public int TargetRows { get; }

    /// <summary>What each sample weighs in the loss, a column; null where all weigh the same.</summary>
    public Matrix<T>? Weights { get; }

    /// <summary>How many of its input rows each sample really has; null where all have all.</summary>
    public IReadOnlyList<int>? Lengths => _lengths;

    /// <summary>The same, for batches; empty where all have all.</summary>
    internal ReadOnlyMemory<int> LengthMemory => _lengths;

    /// <summary>How many samples there are.</summary>
    public int Count => X.RowCount / InputRows;

    /// <summary>Copies some samples.</summary>
    /// <param name="indices">Which ones, from 0, in the order in which they are to stand; one may come several times.</param>
    /// <exception cref="ArgumentException">There is no index.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sample.</exception>
    public Samples<T> Rows(params ReadOnlySpan<int> indices)
    {
        if (indices.IsEmpty) throw new ArgumentException("Samples expects at least one index, but there is none.", nameof(indices));
        foreach (var index in indices)
            if (index < 0 || index >= Count) throw new ArgumentOutOfRangeException(nameof(indices), string.Create(CultureInfo.InvariantCulture, $"Samples expects indices from 0 to {Count - 1}, but one is {index}."));
        return new(Copy(X, indices, InputRows), Copy(Y, indices, TargetRows), InputRows, TargetRows, Weights is null ? null : Copy(Weights, indices, 1), _lengths is null ? null : Chosen(_lengths, indices));

        static int[] Chosen(int[] from, ReadOnlySpan<int> samples)
        {
            var chosen = new int[samples.Length];
            for (var i = 0; i < chosen.Length; i++) chosen[i] = from[samples[i]];
            return chosen;
        }

        static Matrix<T> Copy(Matrix<T> from, ReadOnlySpan<int> samples, int rows) => Gather(from, samples, rows, Matrix<T>.Build.Dense(checked(samples.Length * rows), from.ColumnCount));
    }

    /// <summary>Copies samples in the order given, one column after the other.</summary>
    internal static Matrix<T> Gather(Matrix<T> from, ReadOnlySpan<int> samples, int rows, Matrix<T> to)
    {
        Span<T> source = from.Span(), target = to.Span();
        for (var j = 0; j < from.ColumnCount; j++)
        {
            ReadOnlySpan<T> column = source.Slice(j * from.RowCount, from.RowCount);
            var result = target.Slice(j * to.RowCount, to.RowCount);
            if (rows == 1)
                for (var i = 0; i < samples.Length; i++) result[i] = column[samples[i]];
            else
                for (var i = 0; i < samples.Length; i++) column.Slice(samples[i] * rows, rows).CopyTo(result[(i * rows)..]);
        }

        return to;
    }

    /// <summary>Copies consecutive rows, as many as there is room for.</summary>
    internal static Matrix<T> Slice(Matrix<T> from, int first, Matrix<T> to)
    {
        for (var j = 0; j < from.ColumnCount; j++)
            from.Span().Slice(j * from.RowCount + first, to.RowCount).CopyTo(to.Span()[(j * to.RowCount)..]);
        return to;
    }

    /// <summary>Says which samples these are: their shapes, and a hash that other values would not have. Found once, since it takes a look at all of them.</summary>
    internal string Fingerprint => field ??= Hash();

    private string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var matrix in (Matrix<T>[])[X, Y, .. Weights is null ? [] : (Matrix<T>[])[Weights]])
            for (ReadOnlySpan<T> rest = matrix.Span(); !rest.IsEmpty; rest = rest[Math.Min(rest.Length, 1 << 20)..])
                hash.AppendData(MemoryMarshal.AsBytes(rest[..Math.Min(rest.Length, 1 << 20)]));
        hash.AppendData(MemoryMarshal.AsBytes<int>(_lengths));
        var rows = InputRows == 1 && TargetRows == 1 ? "" : $", {InputRows} -> {TargetRows} rows a sample";
        return $"{Operand.Shape(X)} -> {Operand.Shape(Y)}{rows}{(Weights is null ? "" : ", weighted")}{(_lengths is null ? "" : ", of different lengths")}, {Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8))}";
    }

    private static void RequireWhole(Matrix<T> matrix, int rows, string parameter, string rowsParameter)
    {
        if (matrix.RowCount % Expect.Positive("Samples", rows, rowsParameter) != 0)
            throw new ArgumentException($"Samples expects whole samples of {rows} rows, but {parameter} is {Operand.Shape(matrix)}.", parameter);
    }
}
