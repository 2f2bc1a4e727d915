using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="MaxPool2d{T}"/>: which pixel of each window is the largest, and who hands it a gradient.</summary>
internal sealed class MaxPoolingExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is MaxPool2d<T>;

    public override void Explain(Place<T> at)
    {
        var layer = (MaxPool2d<T>)at.Layer;
        var (x, dY, input, output) = (at.Input, at.OutputGradient, layer.InputShape, layer.OutputShape);

        // y[c, p, q] = max_uv x[c, p s + u d - padding, q s + v d - padding]
        at.Rule(at.Output, Equal(Symbol("y", "cpq"), new Function("max", [Symbol("x", "c, ps+ud, qs+vd")])), (i, column) => Max(Window(column).Select(place => (Expression)x[i, place])));
        // dX[c, h, w] = Σ dY[c, p, q] of the windows whose largest it was
        at.Rule(at.InputGradient, Equal(Symbol("dX", "chw"), SumOver("pq: x_chw is the largest", Symbol("dY", "cpq"))), (i, place) =>
        {
            var channel = place / (input.Height * input.Width) * output.Height * output.Width;
            return Sum(Enumerable.Range(channel, output.Height * output.Width).Where(column => Largest(i, column) == place).Select(column => (Expression)dY![i, column]));
        }, "Each window hands its gradient on to its largest pixel, the first of several.");

        IEnumerable<int> Window(int column)
        {
            int c = column / (output.Height * output.Width), p = column % (output.Height * output.Width) / output.Width, q = column % output.Width;
            for (var u = 0; u < layer.KernelSize.Height; u++)
            {
                for (var v = 0; v < layer.KernelSize.Width; v++)
                {
                    int h = p * layer.Stride.Height + u * layer.Dilation.Height - layer.Padding.Height, w = q * layer.Stride.Width + v * layer.Dilation.Width - layer.Padding.Width;
                    if (h >= 0 && h < input.Height && w >= 0 && w < input.Width) yield return (c * input.Height + h) * input.Width + w;
                }
            }
        }

        int Largest(int i, int column)
        {
            var largest = -1;
            foreach (var place in Window(column))
                if (largest < 0 || x.ValueAt(i, place) > x.ValueAt(i, largest) || double.IsNaN(x.ValueAt(i, place))) largest = place;
            return largest;
        }
    }
}
