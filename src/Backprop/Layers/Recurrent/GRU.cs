using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;

namespace Backprop;

/// <summary>A gated recurrent unit: h_t = n + z (h_(t-1) - n), where z says how much stays and r how much of h_(t-1) the new n sees.</summary>
/// <remarks>
/// <para>a = x_t W_ih^T + b_ih and q = h_(t-1) W_hh^T + b_hh have three parts of H each: r = σ(a_r + q_r), z = σ(a_z + q_z), n = tanh(a_n + r q_n), in this order in the weights' rows. r acts on
/// q_n, after the product, as in PyTorch; the paper has it before.</para>
/// <para>Shapes: x ((N T) x in), y ((N T) x H), or x 2 H where it is bidirectional; W_ih (3 H x in), W_hh (3 H x H), b_ih and b_hh (3 H). <see cref="Recurrent{T}"/> tells of lengths, states and dropout.</para>
/// <para>Derivatives, from dh, what y and the step after gave: dn = dh (1 - z) (1 - n²), dz = dh (h_(t-1) - n) z (1 - z), dr = dn q_n r (1 - r); da = (dr, dz, dn) and dq = (dr, dz, dn r); then
/// dh_(t-1) = dh z + dq W_hh, dx_t = da W_ih, dW_ih += da^T x_t, dW_hh += dq^T h_(t-1), db_ih += da, db_hh += dq. CHAIN-RULE.md, "GRU".</para>
/// <para>Twin: <see href="https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html">torch.nn.GRU</see> with <c>batch_first=True</c>.
/// Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014.</para>
/// </remarks>
/// <example><code>var y = new GRU&lt;double&gt;(3, 8, steps: 5).Forward(x);   // x is 5 n x 3, y is 5 n x 8</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class GRU<T> : Recurrent<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a layer with all weights and biases drawn uniformly from ±1/√H, as PyTorch does.</summary>
    /// <inheritdoc cref="LSTM{T}(int, int, int, int, bool, double, bool, Generator?)"/>
    public GRU(int inputSize, int hiddenSize, int steps, int numLayers = 1, bool bidirectional = false, double dropout = 0, bool bias = true, Generator? generator = null)
        : base(3, false, inputSize, hiddenSize, steps, numLayers, bidirectional, dropout, bias, generator) { }

    /// <inheritdoc/>
    public override string Formula => "h_t = n + z (h_(t-1) - n),  r, z = s(a + q),  n = tanh(a + r q),  a = x_t W_ih^T + b_ih,  q = h_(t-1) W_hh^T + b_hh";

    /// <inheritdoc/>
    public override string Derivative => "dn = dh (1 - z) (1 - n^2),  dz = dh (h_(t-1) - n) z (1 - z),  dr = dn q_n r (1 - r),  da = (dr, dz, dn),  dq = (dr, dz, dn r),  "
        + "dh_(t-1) = dh z + dq W_hh,  dx_t = da W_ih,  dW_ih += da^T x_t,  dW_hh += dq^T h_(t-1),  db_ih += da,  db_hh += dq";

    private protected override bool SplitsGradient => true;

    private protected override void RunForward(RecurrentPass<T> pass, int layer) => Run(new Cell(), pass, layer, back: false);

    private protected override void RunBackward(RecurrentPass<T> pass, int layer) => Run(new Cell(), pass, layer, back: true);

    private readonly struct Cell : ICell<T>
    {
        public static int Gates => 3;

        public static bool HasMemory => false;

        public static bool Keeps => true;

        public static bool Splits => true;

        // r = σ(a_r + q_r)      z = σ(a_z + q_z)
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static GateFunction Activated(int gate) => gate < 2 ? GateFunction.Sigmoid : GateFunction.None;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(ref V r, ref V z, ref V n, ref V unused, V q, V h, ref V noC, out V keptQ) where V : unmanaged, IVector<V, T>
        {
            // n = tanh(a_n + r q_n)
            n = V.Tanh(n + r * q);
            keptQ = q;
            // h_t = n + z (h_(t-1) - n)
            return n + z * (h - n);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(ref V r, ref V z, ref V n, ref V unused, V q, V h, V noC, V dH, ref V noDC, out V dQ) where V : unmanaged, IVector<V, T>
        {
            // dn = dh (1 - z) (1 - n²)      dz = dh (h_(t-1) - n) z (1 - z)      dr = dn q_n r (1 - r)
            V dN = dH * (1 - z) * (1 - n * n), dZ = dH * (h - n) * (z * (1 - z)), dR = dN * q * (r * (1 - r));
            // dq_n = dn r      straight to h_(t-1): dh z
            dQ = dN * r;
            V straight = dH * z;
            (r, z, n) = (dR, dZ, dN);
            return straight;
        }
    }
}
