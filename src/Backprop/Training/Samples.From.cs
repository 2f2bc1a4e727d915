using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <content>Records to matrices.</content>
public sealed partial class Samples<T>
{
    /// <summary>Makes samples of records: <c>Samples&lt;float&gt;.From(houses, house => [house.Area, house.Rooms], house => [house.Price])</c>.</summary>
    /// <param name="records">The records; gone through once.</param>
    /// <param name="x">A record's inputs, always as many.</param>
    /// <param name="y">A record's targets, always as many.</param>
    /// <param name="weight">What a record weighs in the loss; null where all weigh the same.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">There is no record, or one has more or fewer values than the first, or none.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative or not finite.</exception>
    public static Samples<T> From<TRecord>(IEnumerable<TRecord> records, Func<TRecord, T[]> x, Func<TRecord, T[]> y, Func<TRecord, T>? weight = null)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        var (xs, ys, weights) = (new Table(nameof(x)), new Table(nameof(y)), new Table(nameof(weight)));
        foreach (var record in records)
        {
            xs.Add(x(record));
            ys.Add(y(record));
            if (weight is not null) weights.Add([weight(record)]);
        }

        if (xs.Rows == 0) throw new ArgumentException("Samples expects at least one record, but there is none.", nameof(records));
        return new(xs.ToMatrix(), ys.ToMatrix(), weights: weight is null ? null : weights.ToMatrix());
    }

    /// <summary>Makes samples of records with labels: <c>Samples&lt;float&gt;.From(flowers, flower => [flower.Length, flower.Width], flower => flower.Name, classes)</c>.</summary>
    /// <param name="records">The records; gone through once.</param>
    /// <param name="x">A record's inputs, always as many.</param>
    /// <param name="label">A record's label.</param>
    /// <param name="classes">The classes that labels name.</param>
    /// <param name="weight">What a record weighs in the loss; null where all weigh the same.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">There is no record, one has more or fewer inputs than the first, or none, or a label is no class.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative or not finite.</exception>
    public static Samples<T> From<TRecord>(IEnumerable<TRecord> records, Func<TRecord, T[]> x, Func<TRecord, string> label, Classes classes, Func<TRecord, T>? weight = null)
    {
        ArgumentNullException.ThrowIfNull(label);
        ArgumentNullException.ThrowIfNull(classes);
        return From(records, x, record => [T.CreateChecked(classes.IndexOf(label(record)))], weight);
    }

    /// <summary>Rows of the same width, one after the other.</summary>
    private sealed class Table(string name)
    {
        private readonly List<T> _values = [];
        private int _columns;

        internal int Rows { get; private set; }

        internal void Add(T[] row)
        {
            if (row is null || row.Length == 0) throw new ArgumentException(Invariant($"Samples expects values of {name}, but record {Rows}, counted from 0, has none."), name);
            if (Rows == 0) _columns = row.Length;
            if (row.Length != _columns)
                throw new ArgumentException(Invariant($"Samples expects {_columns} values of {name}, as the first record has, but record {Rows}, counted from 0, has {row.Length}."), name);
            _values.AddRange(row);
            Rows++;
        }

        internal Matrix<T> ToMatrix()
        {
            var matrix = Matrix<T>.Build.Dense(Rows, _columns);
            RowMajor.ToMatrix<T>(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_values), Rows, _columns, matrix.Span(), Rows);
            return matrix;
        }
    }
}
