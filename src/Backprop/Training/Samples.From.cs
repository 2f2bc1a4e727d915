using System.Runtime.InteropServices;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <content>Records to matrices.</content>
public sealed partial class Samples<T>
{
    /// <summary>Makes samples of records: <c>Samples&lt;float&gt;.From(houses, house => [house.Area, house.Rooms], house => [house.Price])</c>.</summary>
    /// <param name="records">The records; gone through once.</param>
    /// <param name="x">A record's inputs, row after row, always as many in a row.</param>
    /// <param name="y">A record's targets, likewise.</param>
    /// <param name="weight">What a record weighs in the loss; null where all weigh the same.</param>
    /// <param name="inputRows">Rows of inputs that a sample has, at least 1.</param>
    /// <param name="targetRows">Rows of targets that a sample has, at least 1: a target for each sequence, or one for each of its steps.</param>
    /// <param name="length">How many of its input rows a record really has, from 1 to <paramref name="inputRows"/>: <paramref name="x"/> gives so many, and <paramref name="y"/> too where there is a target for
    /// each. The others are 0. Null where all have all.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">There is no record, or a row of one has more or fewer values than the first, or none; or a length is too short or too long.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of rows is below 1, or a weight is negative or not finite.</exception>
    public static Samples<T> From<TRecord>(IEnumerable<TRecord> records, Func<TRecord, T[]> x, Func<TRecord, T[]> y, Func<TRecord, T>? weight = null, int inputRows = 1, int targetRows = 1, Func<TRecord, int>? length = null)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        Expect.Positive("Samples", inputRows, nameof(inputRows));
        Expect.Positive("Samples", targetRows, nameof(targetRows));
        var (xs, ys, weights, lengths) = (new Table(nameof(x), inputRows), new Table(nameof(y), targetRows), new Table(nameof(weight), 1), new List<int>());
        foreach (var record in records)
        {
            var rows = length is null ? inputRows : length(record);
            if (rows < 1 || rows > inputRows)
                throw new ArgumentException(Invariant($"Samples expects lengths from 1 to {inputRows}, but that of record {lengths.Count}, counted from 0, is {rows}."), nameof(length));
            lengths.Add(rows);
            xs.Add(x(record), rows);
            ys.Add(y(record), targetRows == inputRows ? rows : targetRows);
            if (weight is not null) weights.Add([weight(record)], 1);
        }

        if (lengths.Count == 0) throw new ArgumentException("Samples expects at least one record, but there is none.", nameof(records));
        return new(xs.ToMatrix(), ys.ToMatrix(), inputRows, targetRows, weight is null ? null : weights.ToMatrix(), length is null ? null : lengths);
    }

    /// <summary>Makes samples of records with labels: <c>Samples&lt;float&gt;.From(flowers, flower => [flower.Length, flower.Width], flower => flower.Name, classes)</c>.</summary>
    /// <param name="records">The records; gone through once.</param>
    /// <param name="x">A record's inputs, row after row, always as many in a row.</param>
    /// <param name="label">A record's label.</param>
    /// <param name="classes">The classes that labels name.</param>
    /// <param name="weight">What a record weighs in the loss; null where all weigh the same.</param>
    /// <param name="inputRows">Rows of inputs that a sample has, at least 1.</param>
    /// <param name="length">How many of them a record really has, from 1 to <paramref name="inputRows"/>: <paramref name="x"/> gives so many, and the others are 0. Null where all have all.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">There is no record, a row of one has more or fewer inputs than the first, or none, a label is no class, or a length is too short or too long.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="inputRows"/> is below 1, or a weight is negative or not finite.</exception>
    public static Samples<T> From<TRecord>(IEnumerable<TRecord> records, Func<TRecord, T[]> x, Func<TRecord, string> label, Classes classes, Func<TRecord, T>? weight = null, int inputRows = 1, Func<TRecord, int>? length = null)
    {
        ArgumentNullException.ThrowIfNull(label);
        ArgumentNullException.ThrowIfNull(classes);
        return From(records, x, record => [T.CreateChecked(classes.IndexOf(label(record)))], weight, inputRows, length: length);
    }

    /// <summary>Rows of the same width, one after the other, and as many for each record.</summary>
    private sealed class Table(string name, int rowsOfRecord)
    {
        private readonly List<T> _values = [];
        private int _columns, _records;

        internal void Add(T[] values, int rows)
        {
            if (values is null || values.Length == 0) throw new ArgumentException(Invariant($"Samples expects values of {name}, but record {_records}, counted from 0, has none."), name);
            if (_records == 0 && values.Length % rows != 0)
                throw new ArgumentException(Invariant($"Samples expects as many values of {name} in each row, but record 0, counted from 0, has {values.Length} in {rows} rows."), name);
            if (_records == 0) _columns = values.Length / rows;
            if (values.Length != (long)rows * _columns)
                throw new ArgumentException(Invariant($"Samples expects {(long)rows * _columns} values of {name}, as the first record has{(rowsOfRecord == 1 ? "" : Invariant($" in {rows} rows"))}, but record {_records}, counted from 0, has {values.Length}."), name);
            _values.AddRange(values);
            CollectionsMarshal.SetCount(_values, _values.Count + (rowsOfRecord - rows) * _columns);
            CollectionsMarshal.AsSpan(_values)[^((rowsOfRecord - rows) * _columns)..].Clear();
            _records++;
        }

        internal Matrix<T> ToMatrix()
        {
            var matrix = Matrix<T>.Build.Dense(_records * rowsOfRecord, _columns);
            RowMajor.ToMatrix<T>(CollectionsMarshal.AsSpan(_values), matrix.RowCount, _columns, matrix.Span(), matrix.RowCount);
            return matrix;
        }
    }
}
