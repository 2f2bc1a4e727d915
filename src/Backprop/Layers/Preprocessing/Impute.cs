using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Fills gaps: NaN becomes a value that was found for its column, y = x where there is an x, else the fill; and, if wanted, more columns say where gaps were.</summary>
/// <remarks>
/// <para>Shapes: x (n x m), the fill (m); y (n x m), or with indicators (n x 2 m): [filled | 1 where x was NaN, else 0].</para>
/// <para>Derivative: dX = dY where there was an x, and 0 where NaN was; indicators have none. CHAIN-RULE.md, "Impute".</para>
/// <para>Mean and constant take one pass and no room. The median keeps all values of the samples that come, and the most frequent value each different one with its count: of a stream of
/// many rows, that is what they need. A column that is NaN in all samples is refused, unless a constant fills it; infinity is refused everywhere.</para>
/// <para>Twin: <see href="https://scikit-learn.org/stable/modules/generated/sklearn.impute.SimpleImputer.html">sklearn.impute.SimpleImputer</see>. It drops a column that is NaN in all samples, and has
/// indicators only of columns that had gaps where it was fitted; here the number of columns does not depend on samples.</para>
/// </remarks>
/// <example><code>
/// var network = new Sequential&lt;double&gt; { new Impute&lt;double&gt;(3, ImputeStrategy.Median, addIndicator: true), new Linear&lt;double&gt;(6, 8) };
/// network.FitPreprocessing(samples.X);
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Impute<T> : Preprocessing<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer that is not fitted yet; one with a constant needs not be.</summary>
    /// <param name="numFeatures">m, the columns of the input, at least 1.</param>
    /// <param name="strategy">What to fill with.</param>
    /// <param name="fillValue">The constant, finite; it counts for <see cref="ImputeStrategy.Constant"/> alone.</param>
    /// <param name="addIndicator">Whether further columns say where gaps were.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1, the strategy is none, or the constant is not finite.</exception>
    public Impute(int numFeatures, ImputeStrategy strategy = ImputeStrategy.Mean, double fillValue = 0, bool addIndicator = false) : base(numFeatures)
    {
        var owner = string.Create(CultureInfo.InvariantCulture, $"Impute({numFeatures})");
        (Strategy, FillValue, AddIndicator) = (Expect.Defined(owner, strategy), Expect.Finite(owner, fillValue), addIndicator);
        Fill = RegisterBuffer(new VectorBuffer<T>("fill", numFeatures, T.CreateSaturating(fillValue)));
    }

    /// <summary>What to fill with.</summary>
    public ImputeStrategy Strategy { get; }

    /// <summary>The constant that fills, where one does.</summary>
    public double FillValue { get; }

    /// <summary>Whether further columns say where gaps were.</summary>
    public bool AddIndicator { get; }

    /// <summary>The value that fills each column, m.</summary>
    public VectorBuffer<T> Fill { get; }

    /// <inheritdoc/>
    public override bool IsFitted => Strategy == ImputeStrategy.Constant || base.IsFitted;

    /// <inheritdoc/>
    public override string Formula => $"y = x is NaN ? fill : x{(AddIndicator ? ",  and beside it 1 where x is NaN, else 0" : "")}";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY where x is not NaN, else 0";

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns) => AddIndicator ? 2 * inputColumns : inputColumns;

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("Impute", NumFeatures.ToString(CultureInfo.InvariantCulture),
        Strategy == ImputeStrategy.Constant ? string.Create(CultureInfo.InvariantCulture, $"constant {FillValue}") : Strategy == ImputeStrategy.MostFrequent ? "most frequent" : Strategy == ImputeStrategy.Median ? "median" : "mean",
        AddIndicator ? "indicator" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        RequireFitted();
        var (y, n) = (pass.NewOutput(x.RowCount, OutputColumns(x.ColumnCount)), x.RowCount);
        Span<T> xs = x.Span(), ys = y.Span(), gaps = AddIndicator ? ys[xs.Length..] : [];
        for (var j = 0; j < x.ColumnCount; j++)
        {
            var fill = Fill.Values[j];
            // y = x is NaN ? fill : x
            for (var i = j * n; i < (j + 1) * n; i++) ys[i] = T.IsNaN(xs[i]) ? fill : xs[i];
        }

        for (var i = 0; i < gaps.Length; i++) gaps[i] = T.IsNaN(xs[i]) ? T.One : T.Zero;
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        Span<T> xs = pass.Input.Span(), dYs = dY.Span(), dXs = dX.Span();
        // dX = dY where x is not NaN, else 0
        for (var i = 0; i < xs.Length; i++) dXs[i] = T.IsNaN(xs[i]) ? T.Zero : dYs[i];
        return dX;
    }

    /// <inheritdoc/>
    protected override Fitting NewFitting() => Strategy switch
    {
        ImputeStrategy.Mean => new MeanFitting(this),
        ImputeStrategy.Median => new MedianFitting(this),
        ImputeStrategy.MostFrequent => new MostFrequentFitting(this),
        _ => new ConstantFitting(this),
    };

    /// <summary>Looks at the values that are there, and finds a fill for each column.</summary>
    private abstract class FillFitting(Impute<T> layer) : Fitting
    {
        private readonly long[] _counts = new long[layer.NumFeatures];

        public sealed override void Take(long row, int column, T value)
        {
            if (T.IsNaN(value)) return;
            if (T.IsInfinity(value)) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{layer} expects to be fitted to finite values or NaN, but row {row}, column {column} is {value}."));
            Take(column, value, ++_counts[column]);
        }

        public sealed override void Finish(long rows)
        {
            var fills = new T[_counts.Length];
            for (var j = 0; j < fills.Length; j++)
            {
                if (_counts[j] == 0 && layer.Strategy != ImputeStrategy.Constant)
                    throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                        $"{layer} expects to be fitted to at least one value in each column, but column {j} is NaN in {(rows == 1 ? "the only row" : $"all {rows} rows")}: leave it out, or fill it with a constant."));
                fills[j] = T.CreateSaturating(FillOf(j));
            }

            fills.CopyTo(layer.Fill.Values);
        }

        protected abstract void Take(int column, T value, long count);

        protected abstract double FillOf(int column);
    }

    private sealed class MeanFitting(Impute<T> layer) : FillFitting(layer)
    {
        private readonly double[] _mean = new double[layer.NumFeatures];

        protected override void Take(int column, T value, long count) => _mean[column] += (double.CreateChecked(value) - _mean[column]) / count;

        protected override double FillOf(int column) => _mean[column];
    }

    private sealed class MedianFitting(Impute<T> layer) : FillFitting(layer)
    {
        private readonly List<T>[] _values = [.. Enumerable.Range(0, layer.NumFeatures).Select(_ => new List<T>())];

        protected override void Take(int column, T value, long count) => _values[column].Add(value);

        protected override double FillOf(int column)
        {
            var values = _values[column];
            values.Sort();
            return double.CreateChecked(values[(values.Count - 1) / 2]) / 2 + double.CreateChecked(values[values.Count / 2]) / 2;
        }
    }

    private sealed class MostFrequentFitting(Impute<T> layer) : FillFitting(layer)
    {
        private readonly Dictionary<T, long>[] _counts = [.. Enumerable.Range(0, layer.NumFeatures).Select(_ => new Dictionary<T, long>())];

        protected override void Take(int column, T value, long count) => _counts[column][value] = _counts[column].GetValueOrDefault(value) + 1;

        protected override double FillOf(int column)
        {
            var most = _counts[column].Values.Max();
            return double.CreateChecked(_counts[column].Where(pair => pair.Value == most).Min(pair => pair.Key));
        }
    }

    private sealed class ConstantFitting(Impute<T> layer) : FillFitting(layer)
    {
        private readonly double _fill = layer.FillValue;

        protected override void Take(int column, T value, long count) { }

        protected override double FillOf(int column) => _fill;
    }
}
