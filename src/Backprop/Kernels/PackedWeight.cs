using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>A weight, out x in, in panels for <see cref="PanelProduct{T}"/>, and the bias; both with zeros up to a whole panel.</summary>
internal sealed unsafe class PackedWeight<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Line = 64;

    // What a weight may have at most, with all that is added: so that rows of such length can be spoken of, too.
    private const long MostEntries = 1 << 30;

    private readonly T[] _memory;
    private readonly T* _start;     // aligned within the memory, which does not move

    /// <summary>Copies a weight, column-major, and a bias, or none.</summary>
    internal PackedWeight(ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, int outputs, int inputs)
    {
        Lengths.MustBeMatrix(weight.Length, outputs, inputs);
        Lengths.MustAgreeOrBeEmpty(bias.Length, outputs);
        (Outputs, Inputs) = (outputs, inputs);
        PanelOutputs = 2 * Products.Lanes<T>();
        Panels = (outputs + PanelOutputs - 1) / PanelOutputs;
        var size = checked(PaddedOutputs * (inputs + 1));
        _memory = GC.AllocateArray<T>(checked(size + Line / sizeof(T)), pinned: true);
        _start = (T*)(((nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory)) + Line - 1) & -Line);
        var block = PanelProduct<T>.BlockOf(inputs);
        var to = _start;
        for (var first = 0; first < inputs; first += block)
        {
            var last = Math.Min(first + block, inputs);
            for (var panel = 0; panel < Panels; panel++)
            {
                var count = Math.Min(PanelOutputs, outputs - panel * PanelOutputs);
                for (var p = first; p < last; p++, to += PanelOutputs) weight.Slice(p * outputs + panel * PanelOutputs, count).CopyTo(new(to, PanelOutputs));
            }
        }

        bias.CopyTo(new(_start + (nint)PaddedOutputs * inputs, PaddedOutputs));
    }

    /// <summary>Whether there is room for such a weight in an array.</summary>
    internal static bool Fits(int outputs, int inputs)
    {
        var panel = unchecked(2L * Products.Lanes<T>());
        return unchecked((outputs + panel) * (inputs + 1L)) <= MostEntries && unchecked((outputs + inputs + 2 * panel) * 24) <= MostEntries;
    }

    internal int Outputs { get; }

    internal int Inputs { get; }

    internal int Panels { get; }

    internal int PanelOutputs { get; }

    /// <summary>The outputs up to a whole panel: as long is a row of the result at least.</summary>
    internal int PaddedOutputs => unchecked(Panels * PanelOutputs);

    /// <summary>Y = X W^T + b for some panels, with <see cref="PaddedOutputs"/> entries in a row of Y.</summary>
    internal void Multiply(Strided<T> x, T* y, nint rowOfY, int rows, int firstPanel, int panels)
    {
        unchecked
        {
            var product = new PanelProduct<T>
            {
                Weights = _start,
                Line = PaddedOutputs,
                Packed = true,
                Bias = _start + (nint)PaddedOutputs * Inputs,
                X = x,
                Y = y,
                RowOfY = rowOfY,
                Rows = rows,
                Inner = Inputs,
                FirstPanel = firstPanel,
                Panels = panels,
            };
            Dispatch.Run<T, PanelProduct<T>>(ref product);
            GC.KeepAlive(_memory);
        }
    }
}
