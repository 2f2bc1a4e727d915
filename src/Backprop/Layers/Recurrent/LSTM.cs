using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;

namespace Backprop;

/// <summary>A long short-term memory: c_t = f c_(t-1) + i g and h_t = o tanh(c_t), with gates that x_t and h_(t-1) open.</summary>
/// <remarks>
/// <para>a = x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh has four parts of H: i = σ(a_i), f = σ(a_f), g = tanh(a_g), o = σ(a_o), in this order in the weights' rows.</para>
/// <para>Shapes: x ((N T) x in), y ((N T) x H), or x 2 H where it is bidirectional; W_ih (4 H x in), W_hh (4 H x H), b_ih and b_hh (4 H). <see cref="Recurrent{T}"/> tells of lengths, states and dropout.</para>
/// <para>Derivatives, from dh, what y and the step after gave: do = dh tanh(c_t) o (1 - o), dc = dc + dh o (1 - tanh(c_t)²), di = dc g i (1 - i), df = dc c_(t-1) f (1 - f), dg = dc i (1 - g²);
/// then dc_(t-1) = dc f, dh_(t-1) = da W_hh, dx_t = da W_ih, dW_ih += da^T x_t, dW_hh += da^T h_(t-1), db += da. CHAIN-RULE.md, "LSTM".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html">torch.nn.LSTM</see> with <c>batch_first=True</c>; its <c>proj_size</c> has no twin here.
/// Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9, 1997; the forget gate: F. Gers, J. Schmidhuber and F. Cummins, Learning to forget, Neural Computation 12, 2000.</para>
/// </remarks>
/// <example><code>var y = new LSTM&lt;double&gt;(3, 8, steps: 5).Forward(x);   // x is 5 n x 3, y is 5 n x 8</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class LSTM<T> : Recurrent<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with all weights and biases drawn uniformly from ±1/√H, as PyTorch does.</summary>
    /// <param name="inputSize">Columns of the input, at least 1.</param>
    /// <param name="hiddenSize">H, at least 1.</param>
    /// <param name="steps">T, the rows of a sequence, at least 1.</param>
    /// <param name="numLayers">How many layers stand on each other, at least 1.</param>
    /// <param name="bidirectional">Whether each layer runs through the steps in reverse as well.</param>
    /// <param name="dropout">The probability of dropping an output of a layer below the last, from 0 to 1.</param>
    /// <param name="bias">Whether to add biases.</param>
    /// <param name="generator">Draws the values, and masks of dropout; <see cref="Generator.Default"/> where none is given.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or the dropout is not from 0 to 1.</exception>
    public LSTM(int inputSize, int hiddenSize, int steps, int numLayers = 1, bool bidirectional = false, double dropout = 0, bool bias = true, Generator? generator = null)
        : base(4, true, inputSize, hiddenSize, steps, numLayers, bidirectional, dropout, bias, generator) { }

    /// <inheritdoc/>
    public override string Formula => "c_t = f c_(t-1) + i g,  h_t = o tanh(c_t),  i, f, o = s(a),  g = tanh(a),  a = x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh";

    /// <inheritdoc/>
    public override string Derivative => "do = dh tanh(c_t) o (1 - o),  dc += dh o (1 - tanh(c_t)^2),  di = dc g i (1 - i),  df = dc c_(t-1) f (1 - f),  dg = dc i (1 - g^2),  dc_(t-1) = dc f,  "
        + "dh_(t-1) = da W_hh,  dx_t = da W_ih,  dW_ih += da^T x_t,  dW_hh += da^T h_(t-1),  db_ih, db_hh += da";

    private protected override void RunForward(RecurrentPass<T> pass, int layer) => Run(new Cell(), pass, layer, back: false);

    private protected override void RunBackward(RecurrentPass<T> pass, int layer) => Run(new Cell(), pass, layer, back: true);

    private readonly struct Cell : ICell<T>
    {
        public static int Gates => 4;

        public static bool HasMemory => true;

        public static bool Keeps => true;

        public static bool Splits => false;

        // i, f, o = σ(a)      g = tanh(a)
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static GateFunction Activated(int gate) => gate == 2 ? GateFunction.Tanh : GateFunction.Sigmoid;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(ref V i, ref V f, ref V g, ref V o, V unused, V h, ref V c, out V tanhC) where V : unmanaged, IVector<V, T>
        {
            // c_t = f c_(t-1) + i g      h_t = o tanh(c_t)
            c = f * c + i * g;
            tanhC = V.Tanh(c);
            return o * tanhC;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(ref V i, ref V f, ref V g, ref V o, V tanhC, V h, V c, V dH, ref V dC, out V dUnused) where V : unmanaged, IVector<V, T>
        {
            // do = dh tanh(c_t) o (1 - o)      dc += dh o (1 - tanh(c_t)²)
            V dO = dH * tanhC * (o * (1 - o));
            V dc = dC + dH * o * (1 - tanhC * tanhC);
            // dc_(t-1) = dc f
            dC = dc * f;
            // di = dc g i (1 - i)      df = dc c_(t-1) f (1 - f)      dg = dc i (1 - g²)
            (i, f, g, o) = (dc * g * (i * (1 - i)), dc * c * (f * (1 - f)), dc * i * (1 - g * g), dO);
            dUnused = V.Zero;
            // h_(t-1) acts through the gates alone
            return V.Zero;
        }
    }
}
