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
    internal PackedWeight(ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, int outputs, int inputs) : this(outputs, inputs) => Fill(weight, bias);

    /// <summary>Makes room for a weight.</summary>
    internal PackedWeight(int outputs, int inputs)
    {
        (Outputs, Inputs) = (outputs, inputs);
        PanelOutputs = 2 * Products.Lanes<T>();
        Panels = (outputs + PanelOutputs - 1) / PanelOutputs;
        var size = checked(PaddedOutputs * (inputs + 1));
        _memory = GC.AllocateArray<T>(checked(size + Line / sizeof(T)), pinned: true);
        _start = unchecked((T*)(((nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory)) + Line - 1) & -Line));     // checked, the browser's interpreter stops at it
    }

    /// <summary>Copies a weight, out x in and column-major, and a bias, or none.</summary>
    internal void Fill(ReadOnlySpan<T> weight, ReadOnlySpan<T> bias)
    {
        Lengths.MustBeMatrix(weight.Length, Outputs, Inputs);
        Lengths.MustAgreeOrBeEmpty(bias.Length, Outputs);
        fixed (T* from = weight) Fill(new Strided<T>(from, 1, Outputs));
        Span<T> biases = new(unchecked(_start + (nint)PaddedOutputs * Inputs), PaddedOutputs);
        biases.Clear();
        bias.CopyTo(biases);
    }

    /// <summary>Copies a weight that lies the other way, in x out and column-major, without a bias.</summary>
    internal void FillTransposed(ReadOnlySpan<T> weight)
    {
        Lengths.MustBeMatrix(weight.Length, Inputs, Outputs);
        fixed (T* from = weight) Fill(new Strided<T>(from, Inputs, 1));
    }

    // What is beyond the last output stays the 0 that it was made as.
    private void Fill(Strided<T> weight)
    {
        unchecked
        {
            var block = PanelProduct<T>.BlockOf(Inputs);
            var to = _start;
            for (var first = 0; first < Inputs; first += block)
            {
                var links = Math.Min(block, Inputs - first);
                for (var panel = 0; panel < Panels; panel++, to += (nint)PanelOutputs * links)
                    Transpose.Copy(weight.From(panel * PanelOutputs, first), new(to, 1, PanelOutputs), Math.Min(PanelOutputs, Outputs - panel * PanelOutputs), links);
            }
        }
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

    /// <summary>Y = X W^T + b, or Y += X W^T, for some panels, with <see cref="PaddedOutputs"/> entries in a row of Y.</summary>
    internal void Multiply(Strided<T> x, T* y, nint rowOfY, int rows, int firstPanel, int panels, bool accumulate = false)
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
                Accumulate = accumulate,
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
