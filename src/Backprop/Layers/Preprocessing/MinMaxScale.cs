using System.Globalization;
using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Brings each column into an interval, by the least and the greatest value of the samples it was fitted to: y = a + (b - a) (x - min) / (max - min).</summary>
/// <remarks>
/// <para>Shapes: x and y (n x m), min and max (m). What lies outside of what it was fitted to lies outside of the interval, too.</para>
/// <para>Derivative: dX = dY (b - a) / (max - min). CHAIN-RULE.md, "MinMaxScale".</para>
/// <para>A column that never changes is refused, or, where it is allowed, keeps its scale and becomes a. NaN and infinity are refused where it is fitted, and flow where it is used.</para>
/// <para>Twin: <see href="https://scikit-learn.org/stable/modules/generated/sklearn.preprocessing.MinMaxScaler.html">sklearn.preprocessing.MinMaxScaler</see>, which allows columns that never change.</para>
/// </remarks>
/// <example><code>
/// var network = new Sequential&lt;double&gt; { new MinMaxScale&lt;double&gt;(3, -1, 1), new Linear&lt;double&gt;(3, 8) };
/// network.FitPreprocessing(samples.X);
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class MinMaxScale<T> : Preprocessing<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer that is not fitted yet.</summary>
    /// <param name="numFeatures">m, the columns of the input, at least 1.</param>
    /// <param name="min">a, what the least value becomes; finite.</param>
    /// <param name="max">b, what the greatest value becomes; finite and above <paramref name="min"/>.</param>
    /// <param name="allowConstant">Whether a column may be the same in all samples it is fitted to.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1, or the interval is none.</exception>
    public MinMaxScale(int numFeatures, double min = 0, double max = 1, bool allowConstant = false) : base(numFeatures)
    {
        var owner = string.Create(CultureInfo.InvariantCulture, $"MinMaxScale({numFeatures})");
        Min = Expect.Finite(owner, min);
        Max = Expect.That(max > min && double.IsFinite(max), owner, max, string.Create(CultureInfo.InvariantCulture, $"finite and above {min}"));
        AllowConstant = allowConstant;
        DataMin = RegisterBuffer(new VectorBuffer<T>("data_min", numFeatures));
        DataMax = RegisterBuffer(new VectorBuffer<T>("data_max", numFeatures, T.One));
    }

    /// <summary>a, what the least value becomes.</summary>
    public double Min { get; }

    /// <summary>b, what the greatest value becomes.</summary>
    public double Max { get; }

    /// <summary>The least value of each column, m.</summary>
    public VectorBuffer<T> DataMin { get; }

    /// <summary>The greatest value of each column, m.</summary>
    public VectorBuffer<T> DataMax { get; }

    /// <summary>Whether a column may be the same in all samples it is fitted to.</summary>
    public bool AllowConstant { get; }

    /// <inheritdoc/>
    public override string Formula => IsUnit ? "y = (x - min) / (max - min)" : string.Create(CultureInfo.InvariantCulture, $"y = {Min} + {Max - Min} (x - min) / (max - min)");

    /// <inheritdoc/>
    public override string Derivative => IsUnit ? "dX = dY / (max - min)" : string.Create(CultureInfo.InvariantCulture, $"dX = dY {Max - Min} / (max - min)");

    /// <summary>Takes it back: min + (max - min) (y - a) / (b - a).</summary>
    /// <param name="y">Scaled values, a row each; dense, with the columns this was fitted to.</param>
    /// <returns>A new matrix.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="y"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="y"/> is not dense or has other columns.</exception>
    /// <exception cref="InvalidOperationException">It is not fitted.</exception>
    public Matrix<T> Invert(Matrix<T> y)
    {
        ArgumentNullException.ThrowIfNull(y);
        RequireFitted();
        Operand.Exactly(this, y, y.RowCount, NumFeatures, nameof(y));
        var (a, width) = (T.CreateSaturating(Min), T.CreateSaturating(Max - Min));
        return y.MapIndexed((_, j, value) => DataMin.Value[j] + Range(j) * ((value - a) / width), Zeros.Include);
    }

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("MinMaxScale", NumFeatures.ToString(CultureInfo.InvariantCulture),
        IsUnit ? "" : string.Create(CultureInfo.InvariantCulture, $"{Min} to {Max}"), AllowConstant ? "allow constant" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        RequireFitted();
        var (y, n, a, width) = (pass.NewOutput(x.RowCount, x.ColumnCount), x.RowCount, T.CreateSaturating(Min), T.CreateSaturating(Max - Min));
        Span<T> rest = x.Span(), result = y.Span();
        for (var j = 0; j < x.ColumnCount; j++, rest = rest[n..], result = result[n..])
        {
            Span<T> xs = rest[..n], ys = result[..n];
            var (min, range) = (DataMin.Values[j], Range(j));
            // y = a + (b - a) (x - min) / (max - min)
            if (n < ShortColumn)
            {
                for (var i = 0; i < xs.Length; i++) ys[i] = a + (xs[i] - min) / range * width;
                continue;
            }

            TensorPrimitives.Subtract<T>(xs, min, ys);
            TensorPrimitives.Divide<T>(ys, range, ys);
            TensorPrimitives.Multiply<T>(ys, width, ys);
            TensorPrimitives.Add<T>(ys, a, ys);
        }

        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var (dX, width) = (pass.NewInputGradient(), T.CreateSaturating(Max - Min));
        for (var j = 0; j < dY.ColumnCount; j++)
        {
            Span<T> dYs = dY.Span().Slice(j * dY.RowCount, dY.RowCount), dXs = dX.Span().Slice(j * dY.RowCount, dY.RowCount);
            // dX = dY (b - a) / (max - min)
            TensorPrimitives.Multiply<T>(dYs, width, dXs);
            TensorPrimitives.Divide<T>(dXs, Range(j), dXs);
        }

        return dX;
    }

    /// <inheritdoc/>
    protected override Fitting NewFitting() => new Extremes(this);

    private bool IsUnit => Min == 0 && Max == 1;

    // A column that never changes keeps its scale.
    private T Range(int column) => DataMax.Values[column] - DataMin.Values[column] is var range && range == T.Zero ? T.One : range;

    private sealed class Extremes(MinMaxScale<T> layer) : Fitting
    {
        private readonly ColumnSpread<T> _spread = new(layer, layer.AllowConstant, string.Create(CultureInfo.InvariantCulture, $"becomes {layer.Min}"));

        public override void Take(long row, int column, T value) => _spread.Take(row, column, value);

        public override void Finish(long rows)
        {
            _spread.Check(rows);
            for (var j = 0; j < layer.NumFeatures; j++)
            {
                if (!T.IsFinite(_spread.Max[j] - _spread.Min[j]))
                    throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{layer} expects columns whose range is a number, but column {j} goes from {_spread.Min[j]} to {_spread.Max[j]}."));
            }

            _spread.Min.CopyTo(layer.DataMin.Values);
            _spread.Max.CopyTo(layer.DataMax.Values);
        }
    }
}
