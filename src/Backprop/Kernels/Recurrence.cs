using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>One step of a recurrent layer, entry by entry, for some neighbouring samples of a batch.</summary>
/// <remarks>
/// <para>There are two kinds of operands. Those of all steps have a column for each unit and <c>total</c> rows, first all samples of step 0, then those of step 1, and so on; the step's own
/// begin at row <c>first</c>. Those of the step alone have as many rows as there are samples in the call. Gates lie one after the other, each with all its units.</para>
/// <para>Where there is a mask, whose rows are those of all steps, a sample whose sequence is over keeps its state, gives 0, and has no gradient.</para>
/// </remarks>
internal static unsafe class Recurrence
{
    /// <summary>Gates, state and output of a step, from x's part of the gates and h's.</summary>
    /// <param name="cell">The formula.</param>
    /// <param name="gates">Of all steps: x's part, which becomes the activated gates.</param>
    /// <param name="kept">Of all steps: receives what else the cell keeps; empty where it keeps nothing.</param>
    /// <param name="hBefore">Of all steps: receives h as it was.</param>
    /// <param name="cBefore">Of all steps: receives c as it was; empty without.</param>
    /// <param name="y">Of all steps: receives the new h.</param>
    /// <param name="mask">A column of all steps, 1 where there is a step and else 0; empty where all are there.</param>
    /// <param name="ofH">Of the step: h's part of the gates.</param>
    /// <param name="bias">What is added to it, one for each gate and unit; empty for none.</param>
    /// <param name="h">Of the step: h, which becomes the new one.</param>
    /// <param name="c">Of the step: c, likewise; empty without.</param>
    /// <param name="total">Rows of all steps.</param>
    /// <param name="first">The first of the step's.</param>
    /// <param name="rows">Samples.</param>
    /// <param name="units">Units.</param>
    internal static void Forward<T, TCell>(
        TCell cell, Span<T> gates, Span<T> kept, Span<T> hBefore, Span<T> cBefore, Span<T> y, ReadOnlySpan<T> mask, ReadOnlySpan<T> ofH, ReadOnlySpan<T> bias, Span<T> h, Span<T> c,
        int total, int first, int rows, int units)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TCell : struct, ICell<T>
    {
        unchecked
        {
            Lengths.MustBeMatrix(gates.Length, total, TCell.Gates * units);
            Lengths.MustBeMatrix(kept.Length, total, TCell.Keeps ? units : 0);
            Lengths.MustBeMatrix(hBefore.Length, total, units);
            Lengths.MustBeMatrix(cBefore.Length, total, TCell.HasMemory ? units : 0);
            Lengths.MustBeMatrix(y.Length, total, units);
            Lengths.MustAgreeOrBeEmpty(mask.Length, total);
            Lengths.MustBeMatrix(ofH.Length, rows, TCell.Gates * units);
            Lengths.MustAgreeOrBeEmpty(bias.Length, TCell.Gates * units);
            Lengths.MustBeMatrix(h.Length, rows, units);
            Lengths.MustBeMatrix(c.Length, rows, TCell.HasMemory ? units : 0);
            MustLieWithin(total, first, rows);
            fixed (T* pGates = gates, pKept = kept, pHBefore = hBefore, pCBefore = cBefore, pY = y, pMask = mask, pOfH = ofH, pBias = bias, pH = h, pC = c)
            {
                for (var gate = 0; gate < TCell.Gates; gate++)
                {
                    if (TCell.Activated(gate) == GateFunction.None) continue;
                    var activation = new ActivationKernel<T>
                    {
                        IsTanh = TCell.Activated(gate) == GateFunction.Tanh,
                        Gate = pGates + first + (nint)gate * units * total,
                        OfH = pOfH + (nint)gate * units * rows,
                        Bias = bias.IsEmpty ? null : pBias + gate * units,
                        Total = total,
                        Rows = rows,
                        Units = units,
                    };
                    Ends.Run<T, ActivationKernel<T>>(ref activation, rows);
                }

                var kernel = new ForwardKernel<T, TCell>
                {
                    Cell = cell,
                    Gates = pGates + first,
                    Kept = pKept + first,
                    HBefore = pHBefore + first,
                    CBefore = pCBefore + first,
                    Y = pY + first,
                    Mask = mask.IsEmpty ? null : pMask + first,
                    OfH = pOfH,
                    Bias = bias.IsEmpty ? null : pBias,
                    H = pH,
                    C = pC,
                    Total = total,
                    Rows = rows,
                    Units = units,
                };
                Ends.Run<T, ForwardKernel<T, TCell>>(ref kernel, rows);
            }
        }
    }

    /// <summary>The gradients of a step's gates, and what of the gradient of its state goes straight to the step before.</summary>
    /// <param name="cell">The formula.</param>
    /// <param name="gates">Of all steps: the activated gates.</param>
    /// <param name="kept">Of all steps: what else the cell kept.</param>
    /// <param name="hBefore">Of all steps: h as it was.</param>
    /// <param name="cBefore">Of all steps: c as it was.</param>
    /// <param name="dY">Of all steps: dL/dY.</param>
    /// <param name="mask">As in the forward pass.</param>
    /// <param name="dGates">Of all steps: receives the gradients of x's part of the gates.</param>
    /// <param name="dOfH">Of all steps: receives those of h's part; empty where they are the same.</param>
    /// <param name="dStep">Of the step: receives those of h's part once more.</param>
    /// <param name="dHByGates">Of the step: what the step after gave dL/dh through its gates.</param>
    /// <param name="dHStraight">Of the step: what it gave straight; becomes what this one gives.</param>
    /// <param name="dC">Of the step: dL/dc, likewise; empty without.</param>
    /// <param name="total">Rows of all steps.</param>
    /// <param name="first">The first of the step's.</param>
    /// <param name="rows">Samples.</param>
    /// <param name="units">Units.</param>
    internal static void Backward<T, TCell>(
        TCell cell, ReadOnlySpan<T> gates, ReadOnlySpan<T> kept, ReadOnlySpan<T> hBefore, ReadOnlySpan<T> cBefore, ReadOnlySpan<T> dY, ReadOnlySpan<T> mask, Span<T> dGates, Span<T> dOfH, Span<T> dStep,
        ReadOnlySpan<T> dHByGates, Span<T> dHStraight, Span<T> dC, int total, int first, int rows, int units)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TCell : struct, ICell<T>
    {
        unchecked
        {
            Lengths.MustBeMatrix(gates.Length, total, TCell.Gates * units);
            Lengths.MustBeMatrix(kept.Length, total, TCell.Keeps ? units : 0);
            Lengths.MustBeMatrix(hBefore.Length, total, units);
            Lengths.MustBeMatrix(cBefore.Length, total, TCell.HasMemory ? units : 0);
            Lengths.MustBeMatrix(dY.Length, total, units);
            Lengths.MustAgreeOrBeEmpty(mask.Length, total);
            Lengths.MustAgree(dGates.Length, gates.Length);
            Lengths.MustAgree(dOfH.Length, TCell.Splits ? gates.Length : 0);
            Lengths.MustBeMatrix(dStep.Length, rows, TCell.Gates * units);
            Lengths.MustBeMatrix(dHByGates.Length, rows, units);
            Lengths.MustAgree(dHStraight.Length, dHByGates.Length);
            Lengths.MustBeMatrix(dC.Length, rows, TCell.HasMemory ? units : 0);
            MustLieWithin(total, first, rows);
            fixed (T* pGates = gates, pKept = kept, pHBefore = hBefore, pCBefore = cBefore, pDY = dY, pMask = mask, pDGates = dGates)
            fixed (T* pDOfH = dOfH, pDStep = dStep, pDHByGates = dHByGates, pDHStraight = dHStraight, pDC = dC)
            {
                var kernel = new BackwardKernel<T, TCell>
                {
                    Cell = cell,
                    Gates = pGates + first,
                    Kept = pKept + first,
                    HBefore = pHBefore + first,
                    CBefore = pCBefore + first,
                    DY = pDY + first,
                    Mask = mask.IsEmpty ? null : pMask + first,
                    DGates = pDGates + first,
                    DOfH = pDOfH + first,
                    DStep = pDStep,
                    DHByGates = pDHByGates,
                    DHStraight = pDHStraight,
                    DC = pDC,
                    Total = total,
                    Rows = rows,
                    Units = units,
                };
                Ends.Run<T, BackwardKernel<T, TCell>>(ref kernel, rows);
            }
        }
    }

    private static void MustLieWithin(int total, int first, int rows)
    {
        if (first < 0 || rows < 0 || first > unchecked(total - rows)) throw new ArgumentException($"{rows} rows from {first} on must lie within {total}.");
    }

    /// <summary>A gate that is a function of the sum of its two parts.</summary>
    private struct ActivationKernel<T> : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        public bool IsTanh;
        public T* Gate, OfH, Bias;
        public nint Total, Rows, Units;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (nint j = 0; j < Units; j++)
                {
                    T* gate = Gate + j * Total, ofH = OfH + j * Rows;
                    V bias = Bias == null ? V.Zero : V.Broadcast(Bias[j]);
                    for (nint i = 0; i < Rows; i += V.Count)
                    {
                        var sum = Ends.Load<T, V>(gate + i, Rows - i) + (Ends.Load<T, V>(ofH + i, Rows - i) + bias);
                        Ends.Store(IsTanh ? V.Tanh(sum) : V.Sigmoid(sum), gate + i, Rows - i);
                    }
                }
            }
        }
    }

    private struct ForwardKernel<T, TCell> : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TCell : struct, ICell<T>
    {
        public TCell Cell;
        public T* Gates, Kept, HBefore, CBefore, Y, Mask, OfH, Bias, H, C;
        public nint Total, Rows, Units;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                nint gate = Units * Total;
                for (nint j = 0; j < Units; j++)
                {
                    T* gates = Gates + j * Total, hs = H + j * Rows, cs = C + j * Rows;
                    for (nint i = 0; i < Rows; i += V.Count)
                    {
                        var left = Rows - i;
                        V first = Ends.Load<T, V>(gates + i, left), second = V.Zero, third = V.Zero, fourth = V.Zero, thirdOfH = V.Zero;
                        if (TCell.Activated(0) == GateFunction.None) first += OfStep<V>(0, j, i);
                        if (TCell.Gates > 1) second = Ends.Load<T, V>(gates + gate + i, left);
                        if (TCell.Gates > 2) third = Ends.Load<T, V>(gates + 2 * gate + i, left);
                        if (TCell.Splits) thirdOfH = OfStep<V>(2, j, i);
                        if (TCell.Gates > 3) fourth = Ends.Load<T, V>(gates + 3 * gate + i, left);

                        V h = Ends.Load<T, V>(hs + i, left), c = TCell.HasMemory ? Ends.Load<T, V>(cs + i, left) : V.Zero, newC = c;
                        var newH = Cell.Forward(ref first, ref second, ref third, ref fourth, thirdOfH, h, ref newC, out var kept);
                        var y = newH;
                        if (Mask != null)
                        {
                            var there = Ends.Load<T, V>(Mask + i, left) > V.Zero;
                            (newH, newC, y) = (V.Select(there, newH, h), V.Select(there, newC, c), newH & there);
                        }

                        if (TCell.Activated(0) == GateFunction.None) Ends.Store(first, gates + i, left);
                        if (TCell.Splits) Ends.Store(third, gates + 2 * gate + i, left);
                        if (TCell.Keeps) Ends.Store(kept, Kept + j * Total + i, left);
                        Ends.Store(h, HBefore + j * Total + i, left);
                        Ends.Store(newH, hs + i, left);
                        if (TCell.HasMemory)
                        {
                            Ends.Store(c, CBefore + j * Total + i, left);
                            Ends.Store(newC, cs + i, left);
                        }

                        Ends.Store(y, Y + j * Total + i, left);
                    }
                }
            }
        }

        /// <summary>h's part of a gate that the formula has as it came.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V OfStep<V>(nint gate, nint j, nint i) where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                var part = Ends.Load<T, V>(OfH + (gate * Units + j) * Rows + i, Rows - i);
                return Bias == null ? part : part + V.Broadcast(Bias[gate * Units + j]);
            }
        }
    }

    private struct BackwardKernel<T, TCell> : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TCell : struct, ICell<T>
    {
        public TCell Cell;
        public T* Gates, Kept, HBefore, CBefore, DY, Mask, DGates, DOfH, DStep, DHByGates, DHStraight, DC;
        public nint Total, Rows, Units;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                nint gate = Units * Total, gateOfStep = Units * Rows;
                for (nint j = 0; j < Units; j++)
                {
                    T* gates = Gates + j * Total, dGates = DGates + j * Total, dOfH = DOfH + j * Total, dStep = DStep + j * Rows, dHs = DHStraight + j * Rows, dCs = DC + j * Rows;
                    for (nint i = 0; i < Rows; i += V.Count)
                    {
                        var left = Rows - i;
                        V first = Ends.Load<T, V>(gates + i, left), second = V.Zero, third = V.Zero, fourth = V.Zero;
                        if (TCell.Gates > 1) second = Ends.Load<T, V>(gates + gate + i, left);
                        if (TCell.Gates > 2) third = Ends.Load<T, V>(gates + 2 * gate + i, left);
                        if (TCell.Gates > 3) fourth = Ends.Load<T, V>(gates + 3 * gate + i, left);
                        V kept = TCell.Keeps ? Ends.Load<T, V>(Kept + j * Total + i, left) : V.Zero;
                        V h = Ends.Load<T, V>(HBefore + j * Total + i, left), c = TCell.HasMemory ? Ends.Load<T, V>(CBefore + j * Total + i, left) : V.Zero;

                        // dL/dh is what the output gave and what the step after gave, in both ways.
                        V dH = Ends.Load<T, V>(DY + j * Total + i, left) + (Ends.Load<T, V>(DHByGates + j * Rows + i, left) + Ends.Load<T, V>(dHs + i, left));
                        V dC = TCell.HasMemory ? Ends.Load<T, V>(dCs + i, left) : V.Zero, dCBefore = dC;
                        V straight = Cell.Backward(ref first, ref second, ref third, ref fourth, kept, h, c, dH, ref dCBefore, out var dThirdOfH);
                        if (Mask != null)
                        {
                            var there = Ends.Load<T, V>(Mask + i, left) > V.Zero;
                            (first, second, third, fourth, dThirdOfH) = (first & there, second & there, third & there, fourth & there, dThirdOfH & there);
                            (straight, dCBefore) = (V.Select(there, straight, dH), V.Select(there, dCBefore, dC));
                        }

                        Ends.Store(first, dGates + i, left);
                        if (TCell.Gates > 1) Ends.Store(second, dGates + gate + i, left);
                        if (TCell.Gates > 2) Ends.Store(third, dGates + 2 * gate + i, left);
                        if (TCell.Gates > 3) Ends.Store(fourth, dGates + 3 * gate + i, left);
                        if (TCell.Splits)
                        {
                            third = dThirdOfH;
                            Ends.Store(first, dOfH + i, left);
                            Ends.Store(second, dOfH + gate + i, left);
                            Ends.Store(third, dOfH + 2 * gate + i, left);
                        }

                        Ends.Store(first, dStep + i, left);
                        if (TCell.Gates > 1) Ends.Store(second, dStep + gateOfStep + i, left);
                        if (TCell.Gates > 2) Ends.Store(third, dStep + 2 * gateOfStep + i, left);
                        if (TCell.Gates > 3) Ends.Store(fourth, dStep + 3 * gateOfStep + i, left);
                        Ends.Store(straight, dHs + i, left);
                        if (TCell.HasMemory) Ends.Store(dCBefore, dCs + i, left);
                    }
                }
            }
        }
    }
}
