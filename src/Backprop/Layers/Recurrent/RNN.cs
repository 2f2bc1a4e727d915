using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;

namespace Backprop;

/// <summary>A recurrent layer: h_t = tanh(x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh), or ReLU for tanh.</summary>
/// <remarks>
/// <para>Shapes: x ((N T) x in), y ((N T) x H), or x 2 H where it is bidirectional; W_ih (H x in), W_hh (H x H), b_ih and b_hh (H). <see cref="Recurrent{T}"/> tells of lengths, states and dropout.</para>
/// <para>Derivatives, from dh, what y and the step after gave: da = dh (1 - h_t²), or dh where h_t > 0; then dh_(t-1) = da W_hh, dx_t = da W_ih, dW_ih += da^T x_t,
/// dW_hh += da^T h_(t-1), db += da. CHAIN-RULE.md, "RNN".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html">torch.nn.RNN</see> with <c>batch_first=True</c>.
/// Source: J. Elman, Finding structure in time, Cognitive Science 14, 1990.</para>
/// </remarks>
/// <example><code>var y = new RNN&lt;double&gt;(3, 8, steps: 5).Forward(x);   // x is 5 n x 3, y is 5 n x 8</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class RNN<T> : Recurrent<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with all weights and biases drawn uniformly from ±1/√H, as PyTorch does.</summary>
    /// <param name="inputSize">Columns of the input, at least 1.</param>
    /// <param name="hiddenSize">H, at least 1.</param>
    /// <param name="steps">T, the rows of a sequence, at least 1.</param>
    /// <param name="numLayers">How many layers stand on each other, at least 1.</param>
    /// <param name="nonlinearity">What becomes of the sum.</param>
    /// <param name="bidirectional">Whether each layer runs through the steps in reverse as well.</param>
    /// <param name="dropout">The probability of dropping an output of a layer below the last, from 0 to 1.</param>
    /// <param name="bias">Whether to add biases.</param>
    /// <param name="generator">Draws the values, and masks of dropout; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, the dropout is not from 0 to 1, or the nonlinearity is none.</exception>
    public RNN(
        int inputSize, int hiddenSize, int steps, int numLayers = 1, RecurrentNonlinearity nonlinearity = RecurrentNonlinearity.Tanh, bool bidirectional = false, double dropout = 0, bool bias = true,
        Generator? generator = null)
        : base(1, false, inputSize, hiddenSize, steps, numLayers, bidirectional, dropout, bias, generator) => Nonlinearity = Expect.Defined(nameof(RNN<T>), nonlinearity);

    /// <summary>What becomes of the sum.</summary>
    public RecurrentNonlinearity Nonlinearity { get; }

    /// <inheritdoc/>
    public override string Formula => $"h_t = {(IsReLU ? "max(a, 0)" : "tanh(a)")},  a = x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh";

    /// <inheritdoc/>
    public override string Derivative => $"da = dh {(IsReLU ? "where h_t > 0, else 0" : "(1 - h_t^2)")},  dh_(t-1) = da W_hh,  dx_t = da W_ih,  dW_ih += da^T x_t,  dW_hh += da^T h_(t-1),  db_ih, db_hh += da";

    private bool IsReLU => Nonlinearity == RecurrentNonlinearity.ReLU;

    /// <inheritdoc/>
    public override string ToString() => IsReLU ? $"{base.ToString()[..^1]}, relu)" : base.ToString();

    private protected override void RunForward(RecurrentPass<T> pass, int layer) => Run(pass, layer, back: false);

    private protected override void RunBackward(RecurrentPass<T> pass, int layer) => Run(pass, layer, back: true);

    private void Run(RecurrentPass<T> pass, int layer, bool back)
    {
        if (IsReLU) Run(new ReLUCell(), pass, layer, back);
        else Run(new TanhCell(), pass, layer, back);
    }

    private readonly struct TanhCell : ICell<T>
    {
        public static int Gates => 1;

        public static bool HasMemory => false;

        public static bool Keeps => false;

        public static bool Splits => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static GateFunction Activated(int gate) => GateFunction.None;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(ref V a, ref V second, ref V third, ref V fourth, V ofH, V h, ref V noC, out V kept) where V : unmanaged, IVector<V, T>
        {
            kept = V.Zero;
            // h_t = tanh(a)
            return a = V.Tanh(a);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(ref V a, ref V second, ref V third, ref V fourth, V kept, V h, V noC, V dH, ref V noDC, out V dOfH) where V : unmanaged, IVector<V, T>
        {
            // da = dh (1 - h_t²)
            a = dH * (1 - a * a);
            return dOfH = V.Zero;
        }
    }

    private readonly struct ReLUCell : ICell<T>
    {
        public static int Gates => 1;

        public static bool HasMemory => false;

        public static bool Keeps => false;

        public static bool Splits => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static GateFunction Activated(int gate) => GateFunction.None;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(ref V a, ref V second, ref V third, ref V fourth, V ofH, V h, ref V noC, out V kept) where V : unmanaged, IVector<V, T>
        {
            kept = V.Zero;
            // h_t = max(a, 0)
            return a = V.Select(a < V.Zero, V.Zero, a);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(ref V a, ref V second, ref V third, ref V fourth, V kept, V h, V noC, V dH, ref V noDC, out V dOfH) where V : unmanaged, IVector<V, T>
        {
            // da = dh where h_t > 0
            a = V.Select(a <= V.Zero, V.Zero, dH);
            return dOfH = V.Zero;
        }
    }
}
