using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>One step of a recurrent layer, entry by entry, for some neighbouring samples of a batch.</summary>
/// <remarks>
/// <para>A sample is a row, and its units lie side by side. Rows of gates are <c>rowOfGates</c> apart and those of states, and of what else the cell keeps, <c>rowOfUnits</c>; within a row, gates lie one after the other,
/// each with all its units.</para>
/// <para>Where there is a mask, one number for each row, a sample whose sequence is over keeps its state, gives 0, and has no gradient.</para>
/// </remarks>
internal static unsafe class Recurrence
{
    /// <summary>Gates, state and output of a step, from x's part of the gates and h's.</summary>
    /// <param name="cell">The formula.</param>
    /// <param name="gates">x's part, which becomes the activated gates.</param>
    /// <param name="ofH">h's part.</param>
    /// <param name="kept">Receives what else the cell keeps; empty where it keeps nothing.</param>
    /// <param name="hBefore">h as it was.</param>
    /// <param name="h">Receives the new h.</param>
    /// <param name="cBefore">c as it was; empty without.</param>
    /// <param name="c">Receives the new c; empty without.</param>
    /// <param name="y">Receives the output, which is h where there is a step.</param>
    /// <param name="mask">1 where there is a step and else 0; empty where all are there.</param>
    /// <param name="rows">Samples.</param>
    /// <param name="units">Units.</param>
    /// <param name="rowOfGates">From a sample's gates to the next one's.</param>
    /// <param name="rowOfUnits">From a sample's state to the next one's.</param>
    /// <param name="rowOfY">From a sample's output to the next one's.</param>
    internal static void Forward<T, TCell>(
        TCell cell, Span<T> gates, ReadOnlySpan<T> ofH, Span<T> kept, ReadOnlySpan<T> hBefore, Span<T> h, ReadOnlySpan<T> cBefore, Span<T> c, Span<T> y, ReadOnlySpan<T> mask,
        int rows, int units, int rowOfGates, int rowOfUnits, int rowOfY)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TCell : struct, ICell<T>
    {
        unchecked
        {
            MustBeGates<T, TCell>(gates.Length, rows, units, rowOfGates);
            Lengths.MustAgree(gates.Length, ofH.Length);
            Lengths.MustBeRows(kept.Length, TCell.Keeps ? rows : 0, units, rowOfUnits);
            Lengths.MustBeRows(hBefore.Length, rows, units, rowOfUnits);
            Lengths.MustBeRows(h.Length, rows, units, rowOfUnits);
            Lengths.MustBeRows(cBefore.Length, TCell.HasMemory ? rows : 0, units, rowOfUnits);
            Lengths.MustBeRows(c.Length, TCell.HasMemory ? rows : 0, units, rowOfUnits);
            Lengths.MustBeRows(y.Length, rows, units, rowOfY);
            Lengths.MustAgreeOrBeEmpty(mask.Length, rows);
            fixed (T* pGates = gates, pOfH = ofH, pKept = kept, pHBefore = hBefore, pH = h, pCBefore = cBefore, pC = c, pY = y, pMask = mask)
            {
                for (var gate = 0; gate < TCell.Gates; gate++)
                {
                    if (TCell.Activated(gate) == GateFunction.None) continue;
                    var activation = new ActivationKernel<T>
                    {
                        IsTanh = TCell.Activated(gate) == GateFunction.Tanh,
                        Gate = pGates + (nint)gate * units,
                        OfH = pOfH + (nint)gate * units,
                        Row = rowOfGates,
                        Rows = rows,
                        Units = units,
                    };
                    Ends.Run<T, ActivationKernel<T>>(ref activation, units);
                }

                var kernel = new ForwardKernel<T, TCell>
                {
                    Cell = cell,
                    Gates = pGates,
                    OfH = pOfH,
                    Kept = pKept,
                    HBefore = pHBefore,
                    H = pH,
                    CBefore = pCBefore,
                    C = pC,
                    Y = pY,
                    Mask = mask.IsEmpty ? null : pMask,
                    Rows = rows,
                    Units = units,
                    RowOfGates = rowOfGates,
                    RowOfUnits = rowOfUnits,
                    RowOfY = rowOfY,
                };
                Ends.Run<T, ForwardKernel<T, TCell>>(ref kernel, units);
            }
        }
    }

    /// <summary>The gradients of a step's gates, and what of the gradient of its state goes straight to the step before.</summary>
    /// <param name="cell">The formula.</param>
    /// <param name="gates">The activated gates.</param>
    /// <param name="kept">What else the cell kept.</param>
    /// <param name="hBefore">h as it was.</param>
    /// <param name="cBefore">c as it was.</param>
    /// <param name="dY">dL/dY.</param>
    /// <param name="mask">As in the forward pass.</param>
    /// <param name="dGates">Receives the gradients of x's part of the gates.</param>
    /// <param name="dOfH">Receives those of h's part; empty where they are the same.</param>
    /// <param name="dHByGates">What the step after gave dL/dh through its gates.</param>
    /// <param name="dHStraight">What it gave straight; becomes what this one gives.</param>
    /// <param name="dC">dL/dc, likewise; empty without.</param>
    /// <param name="rows">Samples.</param>
    /// <param name="units">Units.</param>
    /// <param name="rowOfGates">From a sample's gates to the next one's.</param>
    /// <param name="rowOfUnits">From a sample's state to the next one's.</param>
    /// <param name="rowOfY">From a row of dY to the next.</param>
    internal static void Backward<T, TCell>(
        TCell cell, ReadOnlySpan<T> gates, ReadOnlySpan<T> kept, ReadOnlySpan<T> hBefore, ReadOnlySpan<T> cBefore, ReadOnlySpan<T> dY, ReadOnlySpan<T> mask, Span<T> dGates, Span<T> dOfH,
        ReadOnlySpan<T> dHByGates, Span<T> dHStraight, Span<T> dC, int rows, int units, int rowOfGates, int rowOfUnits, int rowOfY)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TCell : struct, ICell<T>
    {
        unchecked
        {
            MustBeGates<T, TCell>(gates.Length, rows, units, rowOfGates);
            Lengths.MustAgree(dGates.Length, gates.Length);
            Lengths.MustAgree(dOfH.Length, TCell.Splits ? gates.Length : 0);
            Lengths.MustBeRows(kept.Length, TCell.Keeps ? rows : 0, units, rowOfUnits);
            Lengths.MustBeRows(hBefore.Length, rows, units, rowOfUnits);
            Lengths.MustBeRows(cBefore.Length, TCell.HasMemory ? rows : 0, units, rowOfUnits);
            Lengths.MustBeRows(dY.Length, rows, units, rowOfY);
            Lengths.MustAgreeOrBeEmpty(mask.Length, rows);
            Lengths.MustBeRows(dHByGates.Length, rows, units, rowOfUnits);
            Lengths.MustBeRows(dHStraight.Length, rows, units, rowOfUnits);
            Lengths.MustBeRows(dC.Length, TCell.HasMemory ? rows : 0, units, rowOfUnits);
            fixed (T* pGates = gates, pKept = kept, pHBefore = hBefore, pCBefore = cBefore, pDY = dY, pMask = mask, pDGates = dGates)
            fixed (T* pDOfH = dOfH, pDHByGates = dHByGates, pDHStraight = dHStraight, pDC = dC)
            {
                var kernel = new BackwardKernel<T, TCell>
                {
                    Cell = cell,
                    Gates = pGates,
                    Kept = pKept,
                    HBefore = pHBefore,
                    CBefore = pCBefore,
                    DY = pDY,
                    Mask = mask.IsEmpty ? null : pMask,
                    DGates = pDGates,
                    DOfH = pDOfH,
                    DHByGates = pDHByGates,
                    DHStraight = pDHStraight,
                    DC = pDC,
                    Rows = rows,
                    Units = units,
                    RowOfGates = rowOfGates,
                    RowOfUnits = rowOfUnits,
                    RowOfY = rowOfY,
                };
                Ends.Run<T, BackwardKernel<T, TCell>>(ref kernel, units);
            }
        }
    }

    private static void MustBeGates<T, TCell>(int length, int rows, int units, int rowOfGates)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TCell : struct, ICell<T>
    {
        unchecked
        {
            // As many gates as there may be, of as many units as there may be, would wrap.
            Lengths.MustBeRows(length, rows, units, rowOfGates / TCell.Gates);
            Lengths.MustBeRows(length, rows, TCell.Gates * units, rowOfGates);
        }
    }

    /// <summary>A gate that is a function of the sum of its two parts.</summary>
    private struct ActivationKernel<T> : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        public bool IsTanh;
        public T* Gate, OfH;
        public nint Row, Rows, Units;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (nint i = 0; i < Rows; i++)
                {
                    T* gate = Gate + i * Row, ofH = OfH + i * Row;
                    for (nint j = 0; j < Units; j += V.Count)
                    {
                        var sum = Ends.Load<T, V>(gate + j, Units - j) + Ends.Load<T, V>(ofH + j, Units - j);
                        Ends.Store(IsTanh ? V.Tanh(sum) : V.Sigmoid(sum), gate + j, Units - j);
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
        public T* Gates, OfH, Kept, HBefore, H, CBefore, C, Y, Mask;
        public nint Rows, Units, RowOfGates, RowOfUnits, RowOfY;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (nint i = 0; i < Rows; i++)
                {
                    T* gates = Gates + i * RowOfGates, ofH = OfH + i * RowOfGates, ys = Y + i * RowOfY;
                    var row = i * RowOfUnits;
                    for (nint j = 0; j < Units; j += V.Count)
                    {
                        var left = Units - j;
                        V first = Ends.Load<T, V>(gates + j, left), second = V.Zero, third = V.Zero, fourth = V.Zero, thirdOfH = V.Zero;
                        if (TCell.Activated(0) == GateFunction.None) first += Ends.Load<T, V>(ofH + j, left);
                        if (TCell.Gates > 1) second = Ends.Load<T, V>(gates + Units + j, left);
                        if (TCell.Gates > 2) third = Ends.Load<T, V>(gates + 2 * Units + j, left);
                        if (TCell.Splits) thirdOfH = Ends.Load<T, V>(ofH + 2 * Units + j, left);
                        if (TCell.Gates > 3) fourth = Ends.Load<T, V>(gates + 3 * Units + j, left);

                        V h = Ends.Load<T, V>(HBefore + row + j, left), c = TCell.HasMemory ? Ends.Load<T, V>(CBefore + row + j, left) : V.Zero, newC = c;
                        var newH = Cell.Forward(ref first, ref second, ref third, ref fourth, thirdOfH, h, ref newC, out var kept);
                        var y = newH;
                        if (Mask != null)
                        {
                            var there = V.Broadcast(Mask[i]) > V.Zero;
                            (newH, newC, y) = (V.Select(there, newH, h), V.Select(there, newC, c), newH & there);
                        }

                        if (TCell.Activated(0) == GateFunction.None) Ends.Store(first, gates + j, left);
                        if (TCell.Splits) Ends.Store(third, gates + 2 * Units + j, left);
                        if (TCell.Keeps) Ends.Store(kept, Kept + row + j, left);
                        Ends.Store(newH, H + row + j, left);
                        if (TCell.HasMemory) Ends.Store(newC, C + row + j, left);
                        Ends.Store(y, ys + j, left);
                    }
                }
            }
        }
    }

    private struct BackwardKernel<T, TCell> : ISimdKernel<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TCell : struct, ICell<T>
    {
        public TCell Cell;
        public T* Gates, Kept, HBefore, CBefore, DY, Mask, DGates, DOfH, DHByGates, DHStraight, DC;
        public nint Rows, Units, RowOfGates, RowOfUnits, RowOfY;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (nint i = 0; i < Rows; i++)
                {
                    T* gates = Gates + i * RowOfGates, dGates = DGates + i * RowOfGates, dOfH = DOfH + i * RowOfGates, dYs = DY + i * RowOfY;
                    var row = i * RowOfUnits;
                    for (nint j = 0; j < Units; j += V.Count)
                    {
                        var left = Units - j;
                        V first = Ends.Load<T, V>(gates + j, left), second = V.Zero, third = V.Zero, fourth = V.Zero;
                        if (TCell.Gates > 1) second = Ends.Load<T, V>(gates + Units + j, left);
                        if (TCell.Gates > 2) third = Ends.Load<T, V>(gates + 2 * Units + j, left);
                        if (TCell.Gates > 3) fourth = Ends.Load<T, V>(gates + 3 * Units + j, left);
                        V kept = TCell.Keeps ? Ends.Load<T, V>(Kept + row + j, left) : V.Zero;
                        V h = Ends.Load<T, V>(HBefore + row + j, left), c = TCell.HasMemory ? Ends.Load<T, V>(CBefore + row + j, left) : V.Zero;

                        // dL/dh is what the output gave and what the step after gave, in both ways.
                        V dH = Ends.Load<T, V>(dYs + j, left) + (Ends.Load<T, V>(DHByGates + row + j, left) + Ends.Load<T, V>(DHStraight + row + j, left));
                        V dC = TCell.HasMemory ? Ends.Load<T, V>(DC + row + j, left) : V.Zero, dCBefore = dC;
                        V straight = Cell.Backward(ref first, ref second, ref third, ref fourth, kept, h, c, dH, ref dCBefore, out var dThirdOfH);
                        if (Mask != null)
                        {
                            var there = V.Broadcast(Mask[i]) > V.Zero;
                            (first, second, third, fourth, dThirdOfH) = (first & there, second & there, third & there, fourth & there, dThirdOfH & there);
                            (straight, dCBefore) = (V.Select(there, straight, dH), V.Select(there, dCBefore, dC));
                        }

                        Ends.Store(first, dGates + j, left);
                        if (TCell.Gates > 1) Ends.Store(second, dGates + Units + j, left);
                        if (TCell.Gates > 2) Ends.Store(third, dGates + 2 * Units + j, left);
                        if (TCell.Gates > 3) Ends.Store(fourth, dGates + 3 * Units + j, left);
                        if (TCell.Splits)
                        {
                            Ends.Store(first, dOfH + j, left);
                            Ends.Store(second, dOfH + Units + j, left);
                            Ends.Store(dThirdOfH, dOfH + 2 * Units + j, left);
                        }

                        Ends.Store(straight, DHStraight + row + j, left);
                        if (TCell.HasMemory) Ends.Store(dCBefore, DC + row + j, left);
                    }
                }
            }
        }
    }
}
