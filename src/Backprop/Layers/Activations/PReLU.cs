using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>A leaky ReLU that learns its slope: y = x where x &gt; 0, else a x, with one slope a for all columns or one for each.</summary>
/// <remarks>
/// <para>Shapes: x (n x m), a (1 or m), y (n x m).</para>
/// <para>Derivatives: dX = dY where x &gt; 0, else dY * a; da += the sum of dY * x where x is not positive. CHAIN-RULE.md, "PReLU".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.PReLU.html">torch.nn.PReLU</see>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class PReLU<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes the layer.</summary>
    /// <param name="numParameters">1 for one slope, or the columns of the input for a slope for each.</param>
    /// <param name="init">The slopes to start from; finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is not at least one parameter, or the slope is NaN or infinite.</exception>
    public PReLU(int numParameters = 1, double init = 0.25)
    {
        Expect.Positive(Invariant($"PReLU({numParameters})"), numParameters, nameof(numParameters));
        Expect.Finite(Invariant($"PReLU({numParameters})"), init);
        Weight = Register(new VectorParameter<T>("weight", numParameters));
        Weight.Values.Fill(T.CreateSaturating(init));
    }

    /// <summary>The slopes a, 1 or one for each column.</summary>
    public VectorParameter<T> Weight { get; }

    /// <summary>How many slopes there are.</summary>
    public int NumParameters => Weight.Count;

    /// <inheritdoc/>
    public override int? InputColumns => NumParameters == 1 ? null : NumParameters;

    /// <inheritdoc/>
    public override string Formula => "y = x > 0 ? x : a x";

    /// <inheritdoc/>
    public override string Derivative => "dX = dY where x > 0, else dY * a,  da += sum of dY * x where x <= 0";

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"PReLU({NumParameters})");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        // y = x > 0 ? x : a x
        for (var k = 0; k < NumParameters; k++) Vectorized.Map(new Output(Weight.Values[k]), Part(x, k), Part(y, k));
        return y;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        // da += sum of dY * x where x <= 0
        for (var k = 0; k < NumParameters && !Weight.Frozen; k++) Weight.Gradients[k] += T.CreateTruncating(Vectorized.Sum<T, SlopeGradient>(default, Part(pass.Input, k), Part(dY, k)));
        if (!pass.NeedsInputGradient) return null;

        var dX = pass.NewInputGradient();
        // dX = x > 0 ? dY : a dY
        for (var k = 0; k < NumParameters; k++) Vectorized.Map(new InputGradient(Weight.Values[k]), Part(pass.Input, k), Part(dY, k), Part(dX, k));
        return dX;
    }

    /// <summary>The entries that slope k is for: a column, or all.</summary>
    private Span<T> Part(Matrix<T> x, int k) => NumParameters == 1 ? x.Span() : x.Span().Slice(k * x.RowCount, x.RowCount);

    private readonly struct Output(T a) : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => V.Select(x > V.Zero, x, V.Broadcast(a) * x);
    }

    private readonly struct InputGradient(T a) : IBinary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V dY) where V : unmanaged, IVector<V, T> => V.Select(x > V.Zero, dY, V.Broadcast(a) * dY);
    }

    private readonly struct SlopeGradient : IBinary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V dY) where V : unmanaged, IVector<V, T> => V.Select(x > V.Zero, V.Zero, x * dY);
    }
}
