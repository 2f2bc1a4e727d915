using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// The negative log-likelihood of a normal distribution whose mean m and variance v are both predicted: l = (log v + (m - t)^2 / v) / 2, entry by entry.
/// </summary>
/// <remarks>
/// <para>The prediction holds [means | variances]: for a target of k columns, k columns of means and then k of variances, or a single one for all.
/// So one network predicts both, and one gradient goes back to it. (PyTorch takes the variances as a third argument.)</para>
/// <para>Derivatives: dl/dm = (m - t) / v, dl/dv = (1 - (m - t)^2 / v) / (2 v). CHAIN-RULE.md, "GaussianNLLLoss".</para>
/// <para>A variance below epsilon is taken as epsilon, in the derivatives too. With <c>full</c>, log(2 pi) / 2 is added to l. Twin:
/// <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html">torch.nn.GaussianNLLLoss</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class GaussianNLLLoss<T> : Loss<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _least;
    private readonly Loss _loss;

    /// <summary>Makes the loss.</summary>
    /// <param name="full">Whether to add the constant log(2 pi) / 2.</param>
    /// <param name="epsilon">The least variance; above 0.</param>
    /// <param name="reduction">Mean, over all entries of the target, or sum.</param>
    /// <exception cref="ArgumentOutOfRangeException">Epsilon is not above 0, infinite or NaN.</exception>
    public GaussianNLLLoss(bool full = false, double epsilon = 1e-6, Reduction reduction = Reduction.Mean) : base(reduction)
    {
        (Full, Epsilon) = (full, Expect.AboveZero("GaussianNLLLoss", epsilon));
        _least = T.CreateSaturating(epsilon);
        _loss = new Loss(_least, T.CreateSaturating(full ? 0.5 * Math.Log(2 * Math.PI) : 0));
    }

    /// <summary>Whether the constant log(2 pi) / 2 is added.</summary>
    public bool Full { get; }

    /// <summary>The least variance.</summary>
    public double Epsilon { get; }

    /// <inheritdoc/>
    public override string Formula =>
        $"L = {(Reduction == Reduction.Mean ? "1/N " : "")}sum (log v + (m - t)^2 / v{(Full ? " + log(2 pi)" : "")}) / 2, p = [m | v]";

    /// <inheritdoc/>
    public override string Derivative => Reduction == Reduction.Mean
        ? "dL/dm = (m - t) / (v N), dL/dv = (1 - (m - t)^2 / v) / (2 v N)"
        : "dL/dm = (m - t) / v, dL/dv = (1 - (m - t)^2 / v) / (2 v)";

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("GaussianNLLLoss", SumText, Full ? "full" : "", Epsilon == 1e-6 ? "" : $"epsilon: {Signature.Number(Epsilon)}");

    /// <summary>Both dense, with as many rows; the prediction holds a mean for each column of the target and a variance for each or for all, none below 0.</summary>
    /// <inheritdoc/>
    protected override void Check(Matrix<T> prediction, Matrix<T> target)
    {
        Operand.Dense(this, prediction, nameof(prediction));
        Operand.Dense(this, target, nameof(target));
        int k = target.ColumnCount, variances = prediction.ColumnCount - k;
        if (prediction.RowCount != target.RowCount || (variances != k && variances != 1))
            throw new ArgumentException(
                $"{this} expects a prediction of {target.RowCount}x{2 * k}, [means | variances], or {target.RowCount}x{k + 1}, [means | one variance], for a {Operand.Shape(target)} target, but it is {Operand.Shape(prediction)}.",
                nameof(prediction));
        var means = target.Span().Length;
        var i = Entries.IndexOutside<T>(prediction.Span()[means..], T.Zero, T.PositiveInfinity);
        if (i >= 0)
            throw new ArgumentOutOfRangeException(nameof(prediction), $"{this} expects variances of at least 0, but {Entries.Entry(prediction, means + i, nameof(prediction))}.");
    }

    /// <inheritdoc/>
    protected override int UnreducedColumns(Matrix<T> prediction, Matrix<T> target) => target.ColumnCount;

    /// <inheritdoc/>
    protected override double DivisorCore(Matrix<T> prediction, Matrix<T> target) => (double)target.RowCount * target.ColumnCount;

    /// <inheritdoc/>
    protected override T ForwardCore(Matrix<T> prediction, Matrix<T> target)
    {
        var sum = 0.0;
        for (var j = 0; j < target.ColumnCount; j++)
            sum += Vectorized.Sum(_loss, Column(prediction, j), Column(prediction, VarianceOf(j, prediction, target)), Column(target, j));
        return Reduced(sum, DivisorCore(prediction, target));
    }

    /// <inheritdoc/>
    protected override void BackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dPrediction) =>
        Gradient(prediction, target, Reduced(1, DivisorCore(prediction, target)), null, dPrediction);

    /// <inheritdoc/>
    protected override void UnreducedCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> losses)
    {
        for (var j = 0; j < target.ColumnCount; j++)
            Vectorized.Map(_loss, Column(prediction, j), Column(prediction, VarianceOf(j, prediction, target)), Column(target, j), Column(losses, j));
    }

    /// <inheritdoc/>
    protected override void UnreducedBackwardCore(Matrix<T> prediction, Matrix<T> target, Matrix<T> dLosses, Matrix<T> dPrediction) =>
        Gradient(prediction, target, T.One, dLosses, dPrediction);

    private void Gradient(Matrix<T> prediction, Matrix<T> target, T dL, Matrix<T>? dLosses, Matrix<T> dPrediction)
    {
        dPrediction.Span()[target.Span().Length..].Clear(); // a variance for all gathers what each column says of it
        for (var j = 0; j < target.ColumnCount; j++)
        {
            var variance = VarianceOf(j, prediction, target);
            ReadOnlySpan<T> m = Column(prediction, j), v = Column(prediction, variance), t = Column(target, j);
            Span<T> dM = Column(dPrediction, j), dV = Column(dPrediction, variance);

            Vectorized.Map(new VarianceDerivative(_least, dL), m, v, t, dM); // dM holds it for the moment
            if (dLosses is not null) Vectorized.Map(default(Times), dM, Column(dLosses, j), dM);
            Vectorized.Map(default(Plus), dM, dV, dV);

            Vectorized.Map(new MeanDerivative(_least, dL), m, v, t, dM);
            if (dLosses is not null) Vectorized.Map(default(Times), dM, Column(dLosses, j), dM);
        }
    }

    private static Span<T> Column(Matrix<T> x, int j) => x.Span().Slice(j * x.RowCount, x.RowCount);

    /// <summary>The column of the variances that belong to the means in column j.</summary>
    private static int VarianceOf(int j, Matrix<T> prediction, Matrix<T> target) => int.Min(target.ColumnCount + j, prediction.ColumnCount - 1);

    private readonly struct Loss(T least, T constant) : ITernary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V m, V v, V t) where V : unmanaged, IVector<V, T>
        {
            v = V.AtLeast(V.Broadcast(least), v);
            return 0.5 * (V.Log(v) + (m - t) * (m - t) / v) + V.Broadcast(constant);
        }
    }

    private readonly struct MeanDerivative(T least, T dL) : ITernary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V m, V v, V t) where V : unmanaged, IVector<V, T> => V.Broadcast(dL) * ((m - t) / V.AtLeast(V.Broadcast(least), v));
    }

    private readonly struct VarianceDerivative(T least, T dL) : ITernary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V m, V v, V t) where V : unmanaged, IVector<V, T>
        {
            v = V.AtLeast(V.Broadcast(least), v);
            return V.Broadcast(dL) * (0.5 * (1 - (m - t) * (m - t) / v) / v);
        }
    }

    private readonly struct Plus : IBinary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => x + y;
    }

    private readonly struct Times : IBinary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => x * y;
    }
}
