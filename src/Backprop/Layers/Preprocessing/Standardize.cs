using System.Globalization;
using System.Numerics;
using System.Numerics.Tensors;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Brings each column to mean 0 and standard deviation 1 over the samples it was fitted to: y = (x - mean) / std.</summary>
/// <remarks>
/// <para>Shapes: x and y (n x m), mean and std (m). The deviation is that of the population, divided by n.</para>
/// <para>Derivative: dX = dY / std. CHAIN-RULE.md, "Standardize".</para>
/// <para>Mean and deviation are found in one pass (B. P. Welford, Technometrics 4, 1962), in double, so that a large offset costs no digits. A column that never changes tells nothing apart and is refused,
/// or, where it is allowed, keeps its scale and becomes 0. NaN and infinity are refused where it is fitted (<see cref="Impute{T}"/> comes before), and flow where it is used.</para>
/// <para>Twin: <see href="https://scikit-learn.org/stable/modules/generated/sklearn.preprocessing.StandardScaler.html">sklearn.preprocessing.StandardScaler</see>, which allows columns that never change.</para>
/// </remarks>
/// <example><code>
/// var network = new Sequential&lt;double&gt; { new Standardize&lt;double&gt;(3), new Linear&lt;double&gt;(3, 8) };
/// network.FitPreprocessing(samples.X);
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Standardize<T> : Preprocessing<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer that is not fitted yet.</summary>
    /// <param name="numFeatures">m, the columns of the input, at least 1.</param>
    /// <param name="allowConstant">Whether a column may be the same in all samples it is fitted to.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public Standardize(int numFeatures, bool allowConstant = false) : base(numFeatures)
    {
        AllowConstant = allowConstant;
        Mean = RegisterBuffer(new VectorBuffer<T>("mean", numFeatures));
        Std = RegisterBuffer(new VectorBuffer<T>("std", numFeatures, T.One));
    }

    /// <summary>The mean of each column, m.</summary>
    public VectorBuffer<T> Mean { get; }

    /// <summary>The standard deviation of each column, m; 1 where the column never changes.</summary>
    public VectorBuffer<T> Std { get; }

    /// <summary>Whether a column may be the same in all samples it is fitted to.</summary>
    public bool AllowConstant { get; }

    /// <inheritdoc/>
    public override string Formula => "y = (x - mean) / std";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY / std";

    /// <summary>Takes it back: y std + mean. For targets that were standardised, and what a network then says of them.</summary>
    /// <param name="y">Standardised values, a row each; dense, with the columns this was fitted to.</param>
    /// <returns>A new matrix.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="y"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="y"/> is not dense or has other columns.</exception>
    /// <exception cref="InvalidOperationException">It is not fitted.</exception>
    public Matrix<T> Invert(Matrix<T> y)
    {
        ArgumentNullException.ThrowIfNull(y);
        RequireFitted();
        Operand.Exactly(this, y, y.RowCount, NumFeatures, nameof(y));
        return y.MapIndexed((_, j, value) => value * Std.Value[j] + Mean.Value[j], Zeros.Include);
    }

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("Standardize", NumFeatures.ToString(CultureInfo.InvariantCulture), AllowConstant ? "allow constant" : "");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        RequireFitted();
        var (y, n) = (pass.NewOutput(x.RowCount, x.ColumnCount), x.RowCount);
        Span<T> rest = x.Span(), result = y.Span();
        for (var j = 0; j < x.ColumnCount; j++, rest = rest[n..], result = result[n..])
        {
            Span<T> xs = rest[..n], ys = result[..n];
            var (mean, std) = (Mean.Values[j], Std.Values[j]);
            // y = (x - mean) / std
            if (n < ShortColumn)
            {
                for (var i = 0; i < xs.Length; i++) ys[i] = (xs[i] - mean) / std;
                continue;
            }

            TensorPrimitives.Subtract<T>(xs, mean, ys);
            TensorPrimitives.Divide<T>(ys, std, ys);
        }

        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        if (!pass.NeedsInputGradient) return null;
        var dX = pass.NewInputGradient();
        for (var j = 0; j < dY.ColumnCount; j++)
        {
            Span<T> dYs = dY.Span().Slice(j * dY.RowCount, dY.RowCount), dXs = dX.Span().Slice(j * dY.RowCount, dY.RowCount);
            // dX = dY / std
            TensorPrimitives.Divide<T>(dYs, Std.Values[j], dXs);
        }

        return dX;
    }

    /// <inheritdoc/>
    protected override Fitting NewFitting() => new MeanAndDeviation(this);

    private sealed class MeanAndDeviation(Standardize<T> layer) : Fitting
    {
        private readonly ColumnSpread<T> _spread = new(layer, layer.AllowConstant, "becomes 0");
        private readonly double[] _mean = new double[layer.NumFeatures], _squares = new double[layer.NumFeatures];

        public override void Take(long row, int column, T value)
        {
            _spread.Take(row, column, value);
            // mean += (x - mean) / n      squares += (x - old mean) (x - mean)
            var (x, before) = (double.CreateChecked(value), _mean[column]);
            _mean[column] += (x - before) / (row + 1);
            _squares[column] += (x - before) * (x - _mean[column]);
        }

        public override void Finish(long rows)
        {
            _spread.Check(rows);
            var std = Array.ConvertAll(_squares, squares => T.CreateSaturating(Math.Sqrt(squares / rows)));
            for (var j = 0; j < std.Length; j++)
            {
                if (_spread.IsConstant(j)) (_mean[j], std[j]) = (double.CreateChecked(_spread.Min[j]), T.One);
                else if (std[j] == T.Zero) std[j] = T.One;      // the squares are smaller than any number
                if (!T.IsFinite(T.CreateSaturating(_mean[j])) || !T.IsFinite(std[j]))
                    throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{layer} expects columns that have a mean and a deviation, but those of column {j} are {_mean[j]} and {std[j]}."));
            }

            for (var j = 0; j < std.Length; j++) (layer.Mean.Values[j], layer.Std.Values[j]) = (T.CreateSaturating(_mean[j]), std[j]);
        }
    }
}
