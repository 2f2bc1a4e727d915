using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Columns of class indices become a column for each class, 1 where the sample is of that class and else 0; other columns pass as they are.</summary>
/// <remarks>
/// <para>Shapes: x (n x m), and y as many columns as there are classes and columns that pass, in the order of x: with 3 classes in the second of three columns, y = [x_0 | x_1 = 0 | x_1 = 1 | x_1 = 2 | x_2].</para>
/// <para>Derivative: dX = dY in columns that pass. A class is no quantity, so it is 0 in columns of classes, as in <see cref="Embedding{T}"/>. CHAIN-RULE.md, "OneHot".</para>
/// <para>A value that is no class is refused, with its place, or, where it is allowed, becomes zeros: NaN, too. There is nothing to fit; how many classes there are is known where the next layer's
/// columns are.</para>
/// <para>Twin: <see href="https://scikit-learn.org/stable/modules/generated/sklearn.preprocessing.OneHotEncoder.html">sklearn.preprocessing.OneHotEncoder</see> with categories 0, 1, ...</para>
/// </remarks>
/// <example><code>
/// var indicators = new OneHot&lt;double&gt;([0, 3, 0]);   // 3 classes in the second column; 3 columns become 5
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class OneHot<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int[] _classes;
    private readonly int _columns;

    /// <summary>Makes a layer for columns of which some hold classes.</summary>
    /// <param name="classes">For each column of the input how many classes it holds, 0, 1, ...; 0 for a column that passes. At least one column.</param>
    /// <param name="allowUnknown">Whether a value that is no class becomes zeros; else it is refused.</param>
    /// <exception cref="ArgumentNullException"><paramref name="classes"/> is null.</exception>
    /// <exception cref="ArgumentException">There is no column, or a number is negative.</exception>
    public OneHot(IReadOnlyList<int> classes, bool allowUnknown = false)
    {
        ArgumentNullException.ThrowIfNull(classes);
        if (classes.Count == 0) throw new ArgumentException("OneHot expects at least one column, but there is none.", nameof(classes));
        for (var j = 0; j < classes.Count; j++)
        {
            if (classes[j] < 0)
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"OneHot expects a number of classes for each column, or 0 where it passes, but for column {j} it is {classes[j]}."), nameof(classes));
        }

        (_classes, AllowUnknown) = ([.. classes], allowUnknown);
        _columns = _classes.Sum(count => int.Max(count, 1));
    }

    /// <summary>For each column of the input how many classes it holds; 0 for a column that passes.</summary>
    public IReadOnlyList<int> Classes => _classes;

    /// <summary>Whether a value that is no class becomes zeros; else it is refused.</summary>
    public bool AllowUnknown { get; }

    /// <inheritdoc/>
    public override int? InputColumns => _classes.Length;

    /// <inheritdoc/>
    public override string Formula => "y_k = [x = k] in columns of classes, y = x in others";

    /// <inheritdoc/>
    public override string Derivative => "dX = 0 in columns of classes, dX = dY in others";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => _columns;

    /// <inheritdoc/>
    public override string ToString() =>
        Signature.Call("OneHot", $"[{string.Join(", ", _classes.Select(count => count.ToString(CultureInfo.InvariantCulture)))}]", AllowUnknown ? "allow unknown" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var n = x.RowCount;
        if (!AllowUnknown) RequireClasses(x);
        var y = pass.NewOutput(n, _columns);
        Span<T> xs = x.Span(), rest = y.Span();
        for (var j = 0; j < _classes.Length; j++, xs = xs[n..])
        {
            var columns = rest[..(n * int.Max(_classes[j], 1))];
            rest = rest[columns.Length..];
            if (_classes[j] == 0)
            {
                xs[..n].CopyTo(columns);
                continue;
            }

            // y_k = [x = k]
            columns.Clear();
            for (var i = 0; i < n; i++)
                if (IsClass(xs[i], _classes[j])) columns[int.CreateTruncating(xs[i]) * n + i] = T.One;
        }

        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var (dX, n) = (pass.NewInputGradient(), dY.RowCount);
        ReadOnlySpan<T> rest = dY.Span();
        for (var j = 0; j < _classes.Length; j++)
        {
            var column = dX.Span().Slice(j * n, n);
            // dX = 0 in columns of classes, dX = dY in others
            if (_classes[j] == 0) rest[..n].CopyTo(column);
            else column.Clear();
            rest = rest[(n * int.Max(_classes[j], 1))..];
        }

        return dX;
    }

    private static bool IsClass(T value, int count) => value >= T.Zero && value < T.CreateChecked(count) && T.IsInteger(value);

    // All of them before anything is computed.
    private void RequireClasses(Matrix<T> x)
    {
        var xs = x.Span();
        for (var i = 0; i < xs.Length; i++)
        {
            var count = _classes[i / x.RowCount];
            if (count > 0 && !IsClass(xs[i], count))
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{this} expects whole numbers from 0 to {count - 1}, but {Entries.Entry(x, i, nameof(x))}; with allowUnknown: true it becomes zeros."), nameof(x));
        }
    }
}
