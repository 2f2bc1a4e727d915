using System.Numerics;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>Positions that are not learned: adds waves of growing length to the steps of each sequence, sin in even columns and cos in odd ones.</summary>
/// <remarks>
/// <para>A sequence is T consecutive rows. Shapes: x and y (n T x e): y[s T + t] = x[s T + t] + P[t], with P[t, 2 i] = sin(t b^(-2 i / e)) and P[t, 2 i + 1] = cos(t b^(-2 i / e)) for a base b.
/// Fewer rows than T are one sequence that is shorter.</para>
/// <para>Derivative: dX = dY. CHAIN-RULE.md, "SinusoidalPositions".</para>
/// <para>PyTorch has no such layer. Source: A. Vaswani et al., Attention is all you need, NeurIPS 2017.</para>
/// </remarks>
/// <example><code>var y = new SinusoidalPositions&lt;double&gt;(maxSteps: 32, embedDim: 64).Forward(x);   // x and y are n 32 x 64</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class SinusoidalPositions<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T[] _table;

    /// <summary>Makes a layer.</summary>
    /// <param name="maxSteps">T, the rows of a sequence, at least 1.</param>
    /// <param name="embedDim">e, columns of the input and output, at least 1.</param>
    /// <param name="waveBase">b, above 0: the longest wave is nearly 2 π b steps long.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or the base is not above 0.</exception>
    /// <exception cref="ArgumentException">An array has no room for so many positions.</exception>
    public SinusoidalPositions(int maxSteps, int embedDim, double waveBase = 10000)
    {
        var owner = Invariant($"SinusoidalPositions({maxSteps} steps, {embedDim})");
        (MaxSteps, EmbedDim) = (Expect.Positive(owner, maxSteps, nameof(maxSteps)), Expect.Positive(owner, embedDim, nameof(embedDim)));
        WaveBase = Expect.AboveZero(owner, waveBase);
        if ((long)maxSteps * embedDim > Array.MaxLength) throw new ArgumentException(Invariant($"{owner} expects an array to have room for the positions of all steps, but there are {(long)maxSteps * embedDim} numbers."), nameof(maxSteps));
        _table = new T[maxSteps * embedDim];
        for (var j = 0; j < embedDim; j++)
        {
            var frequency = Math.Pow(waveBase, -2.0 * (j / 2) / embedDim);
            // P[t, 2 i] = sin(t b^(-2 i / e))      P[t, 2 i + 1] = cos(t b^(-2 i / e))
            for (var t = 0; t < maxSteps; t++) _table[t + j * maxSteps] = T.CreateChecked(j % 2 == 0 ? Math.Sin(t * frequency) : Math.Cos(t * frequency));
        }
    }

    /// <summary>T, the rows of a sequence.</summary>
    public int MaxSteps { get; }

    /// <summary>e, columns of the input and output.</summary>
    public int EmbedDim { get; }

    /// <summary>b, what the lengths of the waves are powers of.</summary>
    public double WaveBase { get; }

    /// <inheritdoc/>
    public override int? InputColumns => EmbedDim;

    /// <inheritdoc/>
    public override string Formula => Invariant($"y = x + P[t] in step t of a sequence,  P[t, 2i] = sin(t {WaveBase}^(-2i/{EmbedDim})),  P[t, 2i + 1] = cos(t {WaveBase}^(-2i/{EmbedDim}))");

    /// <inheritdoc/>
    public override string Derivative => "dX = dY";

    internal override int RowsOfSequence => MaxSteps;

    /// <inheritdoc/>
    public override int OutputRows(int inputRows) => SequenceRows.Require(this, inputRows, MaxSteps);

    /// <inheritdoc/>
    public override ForwardPass<T> NewPass(bool training = true) => new PositionsPass<T>(this, training, MaxSteps);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call("SinusoidalPositions", Invariant($"{MaxSteps} steps, {EmbedDim}"), WaveBase == 10000 ? "" : $"base {Signature.Number(WaveBase)}");

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass) =>
        // y = x + P[t]
        Positions.Add(x, (PositionsPass<T>)pass, _table);

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY) => dY;
}
