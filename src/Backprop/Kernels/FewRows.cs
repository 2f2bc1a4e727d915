using System.Numerics;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Y = X W^T + b for a batch that is too small to run vectors along its rows: they run along the outputs, as W lies. Columns lie one after the other, in all of them.</summary>
/// <remarks>Whole panels of outputs; those that are left over are <see cref="Product{T}"/>'s. A part is some of the panels.</remarks>
internal unsafe struct FewRows<T> : IParts where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>From so many rows on, vectors along the rows are as fast, and nothing needs to be turned; before, where they are all full.</summary>
    private const int Many = 48;

    // A result that is turned is in memory twice.
    private const long MostEntries = 1 << 28;

    private PanelProduct<T> _product;

    /// <summary>Whether this is the way for so many rows and outputs.</summary>
    internal static bool Fit(int rows, int outputs)
    {
        var panel = unchecked(2 * Products.Lanes<T>());
        return rows < Many && rows % panel != 0 && outputs >= panel && unchecked((long)rows * outputs) <= MostEntries;
    }

    /// <summary>Computes all whole panels, and returns how many outputs those are.</summary>
    internal static int Run(T* x, T* w, T* bias, T* y, int rows, int inner, int outputs, int threads)
    {
        unchecked
        {
            var panel = 2 * Products.Lanes<T>();
            var panels = outputs / panel;
            var done = panels * panel;
            // One row lies the same way either way.
            var work = new FewRows<T>
            {
                _product = new()
                {
                    Weights = w,
                    Line = outputs,
                    Bias = bias,
                    X = new(x, 1, rows),
                    Y = rows == 1 ? y : Scratch<T>.B(rows * done),
                    RowOfY = done,
                    Rows = rows,
                    Inner = inner,
                    Panels = panels,
                },
            };
            Workers.Run(ref work, Math.Min(threads, panels));
            if (rows > 1) Transpose.Copy(new Strided<T>(work._product.Y, done, 1), new(y, 1, rows), rows, done);
            return done;
        }
    }

    public readonly void Run(int part, int parts)
    {
        unchecked
        {
            var product = _product;
            product.FirstPanel = (int)((long)_product.Panels * part / parts);
            product.Panels = (int)((long)_product.Panels * (part + 1) / parts) - product.FirstPanel;
            if (product.Panels > 0) Dispatch.Run<T, PanelProduct<T>>(ref product);
        }
    }
}
